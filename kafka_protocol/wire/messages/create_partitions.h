// CreatePartitions (key 37): raises a topic's partition count.
// v2 flexible. v3 may answer THROTTLING_QUOTA_EXCEEDED (KIP-599).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct CreatePartitionsRequest {
  static constexpr Api api{.key = 37, .valid = {0, 3}, .flexible = since(2)};

  struct Topic {
    struct Assignment {
      std::vector<int32_t> broker_ids{};

      static void fields(auto& m, auto& v) { v(m.broker_ids); }
    };

    std::string_view name{};
    int32_t count = 0;
    std::optional<std::vector<Assignment>> assignments{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.count);
      v(m.assignments, nullable());
    }
  };

  std::vector<Topic> topics{};
  int32_t timeout_ms = 0;
  bool validate_only = false;

  static void fields(auto& m, auto& v) {
    v(m.topics);
    v(m.timeout_ms);
    v(m.validate_only);
  }
};

struct CreatePartitionsResponse {
  static constexpr Api api = CreatePartitionsRequest::api;

  struct Topic {
    std::string name{};
    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.error_code);
      v(m.error_message, nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> results{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.results);
  }
};

}  // namespace thalweg::wire
