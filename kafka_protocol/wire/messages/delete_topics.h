// DeleteTopics (key 20).
// v4 flexible. v5 error message. v6 by topic id or name, in `topics` instead of `topic_names`
// (KIP-516).
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

struct DeleteTopicsRequest {
  static constexpr Api api{.key = 20, .valid = {1, 6}, .flexible = since(4)};

  struct Topic {
    std::optional<std::string_view> name{};
    Uuid topic_id{};

    static void fields(auto& m, auto& v) {
      v(m.name, nullable());
      v(m.topic_id);
    }
  };

  std::vector<Topic> topics{};
  std::vector<std::string_view> topic_names{};
  int32_t timeout_ms = 0;

  static void fields(auto& m, auto& v) {
    v(m.topics, since(6));
    v(m.topic_names, until(5));
    v(m.timeout_ms);
  }
};

struct DeleteTopicsResponse {
  static constexpr Api api = DeleteTopicsRequest::api;

  struct Topic {
    std::optional<std::string> name{};
    Uuid topic_id{};
    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};

    static void fields(auto& m, auto& v) {
      v(m.name, nullable(since(6)));
      v(m.topic_id, since(6));
      v(m.error_code);
      v(m.error_message, since(5), nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> responses{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.responses);
  }
};

}  // namespace thalweg::wire
