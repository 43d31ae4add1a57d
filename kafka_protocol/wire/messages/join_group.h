// JoinGroup (key 11): enters a rebalance of a classic group; answered when the generation starts.
// v1 rebalance timeout. v4 MEMBER_ID_REQUIRED (KIP-394). v5 static members (KIP-345). v6 flexible.
// v7 protocol type in the answer (KIP-559). v8 reason (KIP-800). v9 skip assignment (KIP-814).
// protocol_name may be null from v7 on and is empty before.
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

struct JoinGroupRequest {
  static constexpr Api api{.key = 11, .valid = {0, 9}, .flexible = since(6)};

  struct Protocol {
    std::string_view name{};
    ByteView metadata{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.metadata);
    }
  };

  std::string_view group_id{};
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = -1;
  std::string_view member_id{};
  std::optional<std::string_view> group_instance_id{};
  std::string_view protocol_type{};
  std::vector<Protocol> protocols{};
  std::optional<std::string_view> reason{};

  static void fields(auto& m, auto& v) {
    v(m.group_id);
    v(m.session_timeout_ms);
    v(m.rebalance_timeout_ms, since(1));
    v(m.member_id);
    v(m.group_instance_id, since(5), nullable());
    v(m.protocol_type);
    v(m.protocols);
    v(m.reason, since(8), nullable());
  }
};

struct JoinGroupResponse {
  static constexpr Api api = JoinGroupRequest::api;

  struct Member {
    std::string member_id{};
    std::optional<std::string> group_instance_id{};
    Bytes metadata{};

    static void fields(auto& m, auto& v) {
      v(m.member_id);
      v(m.group_instance_id, since(5), nullable());
      v(m.metadata);
    }
  };

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  int32_t generation_id = -1;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol_name{};
  std::string leader{};
  bool skip_assignment = false;
  std::string member_id{};
  std::vector<Member> members{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(2));
    v(m.error_code);
    v(m.generation_id);
    v(m.protocol_type, since(7), nullable());
    v(m.protocol_name, nullable(since(7)));
    v(m.leader);
    v(m.skip_assignment, since(9));
    v(m.member_id);
    v(m.members);
  }
};

}  // namespace thalweg::wire
