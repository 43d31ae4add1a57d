// ListGroups (key 16).
// v3 flexible. v4 filter by state (KIP-518). v5 filter by type (KIP-848).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct ListGroupsRequest {
  static constexpr Api api{.key = 16, .valid = {0, 5}, .flexible = since(3)};

  std::vector<std::string_view> states_filter{};
  std::vector<std::string_view> types_filter{};

  static void fields(auto& m, auto& v) {
    v(m.states_filter, since(4));
    v(m.types_filter, since(5));
  }
};

struct ListGroupsResponse {
  static constexpr Api api = ListGroupsRequest::api;

  struct Group {
    std::string group_id{};
    std::string protocol_type{};
    std::string group_state{};
    std::string group_type{};

    static void fields(auto& m, auto& v) {
      v(m.group_id);
      v(m.protocol_type);
      v(m.group_state, since(4));
      v(m.group_type, since(5));
    }
  };

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  std::vector<Group> groups{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(1));
    v(m.error_code);
    v(m.groups);
  }
};

}  // namespace thalweg::wire
