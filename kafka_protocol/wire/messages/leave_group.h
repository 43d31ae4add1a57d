// LeaveGroup (key 13).
// v3 many members at once, static ones by instance id (KIP-345). v4 flexible. v5 reason (KIP-800).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct LeaveGroupRequest {
  static constexpr Api api{.key = 13, .valid = {0, 5}, .flexible = since(4)};

  struct Member {
    std::string_view member_id{};
    std::optional<std::string_view> group_instance_id{};
    std::optional<std::string_view> reason{};

    static void fields(auto& m, auto& v) {
      v(m.member_id);
      v(m.group_instance_id, nullable());
      v(m.reason, since(5), nullable());
    }
  };

  std::string_view group_id{};
  std::string_view member_id{};
  std::vector<Member> members{};

  static void fields(auto& m, auto& v) {
    v(m.group_id);
    v(m.member_id, until(2));
    v(m.members, since(3));
  }
};

struct LeaveGroupResponse {
  static constexpr Api api = LeaveGroupRequest::api;

  struct Member {
    std::string member_id{};
    std::optional<std::string> group_instance_id{};
    KafkaError error_code = KafkaError::kNone;

    static void fields(auto& m, auto& v) {
      v(m.member_id);
      v(m.group_instance_id, nullable());
      v(m.error_code);
    }
  };

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  std::vector<Member> members{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(1));
    v(m.error_code);
    v(m.members, since(3));
  }
};

}  // namespace thalweg::wire
