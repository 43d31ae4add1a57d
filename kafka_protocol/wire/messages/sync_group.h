// SyncGroup (key 14): the leader hands in assignments, every member gets its own.
// v3 static members (KIP-345). v4 flexible. v5 protocol type and name (KIP-559).
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

struct SyncGroupRequest {
  static constexpr Api api{.key = 14, .valid = {0, 5}, .flexible = since(4)};

  struct Assignment {
    std::string_view member_id{};
    ByteView assignment{};

    static void fields(auto& m, auto& v) {
      v(m.member_id);
      v(m.assignment);
    }
  };

  std::string_view group_id{};
  int32_t generation_id = 0;
  std::string_view member_id{};
  std::optional<std::string_view> group_instance_id{};
  std::optional<std::string_view> protocol_type{};
  std::optional<std::string_view> protocol_name{};
  std::vector<Assignment> assignments{};

  static void fields(auto& m, auto& v) {
    v(m.group_id);
    v(m.generation_id);
    v(m.member_id);
    v(m.group_instance_id, since(3), nullable());
    v(m.protocol_type, since(5), nullable());
    v(m.protocol_name, since(5), nullable());
    v(m.assignments);
  }
};

struct SyncGroupResponse {
  static constexpr Api api = SyncGroupRequest::api;

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol_name{};
  Bytes assignment{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(1));
    v(m.error_code);
    v(m.protocol_type, since(5), nullable());
    v(m.protocol_name, since(5), nullable());
    v(m.assignment);
  }
};

}  // namespace thalweg::wire
