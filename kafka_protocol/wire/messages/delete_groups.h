// DeleteGroups (key 42): empty groups only.
// v2 flexible. v3 error message per group.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct DeleteGroupsRequest {
  static constexpr Api api{.key = 42, .valid = {0, 3}, .flexible = since(2)};

  std::vector<std::string_view> groups_names{};

  static void fields(auto& m, auto& v) { v(m.groups_names); }
};

struct DeleteGroupsResponse {
  static constexpr Api api = DeleteGroupsRequest::api;

  struct Group {
    std::string group_id{};
    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};

    static void fields(auto& m, auto& v) {
      v(m.group_id);
      v(m.error_code);
      v(m.error_message, since(3), nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> results{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.results);
  }
};

}  // namespace thalweg::wire
