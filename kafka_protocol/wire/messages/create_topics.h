// CreateTopics (key 19).
// v4 lets num_partitions and replication_factor be -1, the broker's default (KIP-464). v5 flexible,
// configs in the answer (KIP-525). v7 topic id in the answer (KIP-516).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct CreateTopicsRequest {
  static constexpr Api api{.key = 19, .valid = {2, 7}, .flexible = since(5)};

  struct Topic {
    struct Assignment {
      int32_t partition_index = 0;
      std::vector<int32_t> broker_ids{};

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.broker_ids);
      }
    };

    struct Config {
      std::string_view name{};
      std::optional<std::string_view> value{};

      static void fields(auto& m, auto& v) {
        v(m.name);
        v(m.value, nullable());
      }
    };

    std::string_view name{};
    int32_t num_partitions = 0;
    int16_t replication_factor = 0;
    std::vector<Assignment> assignments{};
    std::vector<Config> configs{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.num_partitions);
      v(m.replication_factor);
      v(m.assignments);
      v(m.configs);
    }
  };

  std::vector<Topic> topics{};
  int32_t timeout_ms = 60000;
  bool validate_only = false;

  static void fields(auto& m, auto& v) {
    v(m.topics);
    v(m.timeout_ms);
    v(m.validate_only);
  }
};

struct CreateTopicsResponse {
  static constexpr Api api = CreateTopicsRequest::api;

  struct Topic {
    struct Config {
      std::string name{};
      std::optional<std::string> value{};
      bool read_only = false;
      int8_t config_source = -1;
      bool is_sensitive = false;

      static void fields(auto& m, auto& v) {
        v(m.name);
        v(m.value, nullable());
        v(m.read_only);
        v(m.config_source);
        v(m.is_sensitive);
      }
    };

    std::string name{};
    Uuid topic_id{};
    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};
    KafkaError topic_config_error_code = KafkaError::kNone;
    int32_t num_partitions = -1;
    int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.topic_id, since(7));
      v(m.error_code);
      v(m.error_message, nullable());
      v(m.topic_config_error_code, tagged(0, since(5)));
      v(m.num_partitions, since(5));
      v(m.replication_factor, since(5));
      v(m.configs, since(5), nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.topics);
  }
};

}  // namespace thalweg::wire
