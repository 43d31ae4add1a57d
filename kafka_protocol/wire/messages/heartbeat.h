// Heartbeat (key 12) of a classic group's member.
// v3 static members (KIP-345). v4 flexible.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct HeartbeatRequest {
  static constexpr Api api{.key = 12, .valid = {0, 4}, .flexible = since(4)};

  std::string_view group_id{};
  int32_t generation_id = 0;
  std::string_view member_id{};
  std::optional<std::string_view> group_instance_id{};

  static void fields(auto& m, auto& v) {
    v(m.group_id);
    v(m.generation_id);
    v(m.member_id);
    v(m.group_instance_id, since(3), nullable());
  }
};

struct HeartbeatResponse {
  static constexpr Api api = HeartbeatRequest::api;

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(1));
    v(m.error_code);
  }
};

}  // namespace thalweg::wire
