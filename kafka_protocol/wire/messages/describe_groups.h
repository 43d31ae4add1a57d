// DescribeGroups (key 15), of classic groups.
// v3 authorized operations (KIP-430). v4 static members (KIP-345). v5 flexible. v6 an unknown group
// is GROUP_ID_NOT_FOUND with a message, no longer the state Dead (KIP-1043).
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

struct DescribeGroupsRequest {
  static constexpr Api api{.key = 15, .valid = {0, 6}, .flexible = since(5)};

  std::vector<std::string_view> groups{};
  bool include_authorized_operations = false;

  static void fields(auto& m, auto& v) {
    v(m.groups);
    v(m.include_authorized_operations, since(3));
  }
};

struct DescribeGroupsResponse {
  static constexpr Api api = DescribeGroupsRequest::api;

  struct Group {
    struct Member {
      std::string member_id{};
      std::optional<std::string> group_instance_id{};
      std::string client_id{};
      std::string client_host{};
      Bytes member_metadata{};
      Bytes member_assignment{};

      static void fields(auto& m, auto& v) {
        v(m.member_id);
        v(m.group_instance_id, since(4), nullable());
        v(m.client_id);
        v(m.client_host);
        v(m.member_metadata);
        v(m.member_assignment);
      }
    };

    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};
    std::string group_id{};
    std::string group_state{};
    std::string protocol_type{};
    std::string protocol_data{};
    std::vector<Member> members{};
    int32_t authorized_operations = kNoAuthorizedOperations;

    static void fields(auto& m, auto& v) {
      v(m.error_code);
      v(m.error_message, since(6), nullable());
      v(m.group_id);
      v(m.group_state);
      v(m.protocol_type);
      v(m.protocol_data);
      v(m.members);
      v(m.authorized_operations, since(3));
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Group> groups{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(1));
    v(m.groups);
  }
};

}  // namespace thalweg::wire
