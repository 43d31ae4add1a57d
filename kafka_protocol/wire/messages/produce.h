// Produce (key 0).
// v3 transactional id, RecordBatch v2. v5 log start offset. v7 zstd (KIP-110). v8 record errors
// (KIP-467). v9 flexible. v10 leader hints for NOT_LEADER_OR_FOLLOWER (KIP-951). v11, v12
// transactions part 2, no change of schema (KIP-890). v13 topic ids (KIP-516). Throttle time is
// last in the response. With acks = 0 there is no response. Records of the request borrow from the
// frame; topic names of the response may borrow from it too.
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

struct ProduceRequest {
  static constexpr Api api{.key = 0, .valid = {3, 13}, .flexible = since(9)};

  struct Topic {
    struct Partition {
      int32_t index = 0;
      std::optional<RecordsView> records{};

      static void fields(auto& m, auto& v) {
        v(m.index);
        v(m.records, nullable());
      }
    };

    std::string_view name{};
    Uuid topic_id{};
    std::vector<Partition> partition_data{};

    static void fields(auto& m, auto& v) {
      v(m.name, until(12));
      v(m.topic_id, since(13));
      v(m.partition_data);
    }
  };

  std::optional<std::string_view> transactional_id{};
  int16_t acks = 0;
  int32_t timeout_ms = 0;
  std::vector<Topic> topic_data{};

  static void fields(auto& m, auto& v) {
    v(m.transactional_id, nullable());
    v(m.acks);
    v(m.timeout_ms);
    v(m.topic_data);
  }
};

struct ProduceResponse {
  static constexpr Api api = ProduceRequest::api;

  struct Topic {
    struct Partition {
      struct RecordError {
        int32_t batch_index = 0;
        std::optional<std::string> batch_index_error_message{};

        static void fields(auto& m, auto& v) {
          v(m.batch_index);
          v(m.batch_index_error_message, nullable());
        }
      };

      struct LeaderIdAndEpoch {
        int32_t leader_id = -1;
        int32_t leader_epoch = -1;

        static void fields(auto& m, auto& v) {
          v(m.leader_id);
          v(m.leader_epoch);
        }
        friend bool operator==(const LeaderIdAndEpoch&, const LeaderIdAndEpoch&) = default;
      };

      int32_t index = 0;
      KafkaError error_code = KafkaError::kNone;
      int64_t base_offset = 0;
      int64_t log_append_time_ms = -1;
      int64_t log_start_offset = -1;
      std::vector<RecordError> record_errors{};
      std::optional<std::string> error_message{};
      LeaderIdAndEpoch current_leader{};

      static void fields(auto& m, auto& v) {
        v(m.index);
        v(m.error_code);
        v(m.base_offset);
        v(m.log_append_time_ms);
        v(m.log_start_offset, since(5));
        v(m.record_errors, since(8));
        v(m.error_message, since(8), nullable());
        v(m.current_leader, tagged(0, since(10)));
      }
    };

    std::string_view name{};
    Uuid topic_id{};
    std::vector<Partition> partition_responses{};

    static void fields(auto& m, auto& v) {
      v(m.name, until(12));
      v(m.topic_id, since(13));
      v(m.partition_responses);
    }
  };

  struct NodeEndpoint {
    int32_t node_id = 0;
    std::string host{};
    int32_t port = 0;
    std::optional<std::string> rack{};

    static void fields(auto& m, auto& v) {
      v(m.node_id);
      v(m.host);
      v(m.port);
      v(m.rack, nullable());
    }
  };

  std::vector<Topic> responses{};
  int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints{};

  static void fields(auto& m, auto& v) {
    v(m.responses);
    v(m.throttle_time_ms);
    v(m.node_endpoints, tagged(0, since(10)));
  }
};

}  // namespace thalweg::wire
