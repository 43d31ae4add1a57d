// Member: one consumer in a classic group, and the requests of it that wait for an answer.
//
// Owned by its Group. A reply that is set is called exactly once, then cleared; it must not call
// back into the group.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kafka_protocol/wire/messages/join_group.h"
#include "kafka_protocol/wire/messages/sync_group.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"

namespace thalweg::coordinator {

using Milliseconds = std::chrono::milliseconds;
using JoinReply = std::move_only_function<void(wire::JoinGroupResponse)>;
using SyncReply = std::move_only_function<void(wire::SyncGroupResponse)>;

// Now, on both clocks: time-outs run on the monotonic one, the wall clock only dates what is
// persisted.
struct Instant {
  base::TimePoint steady;
  base::Timestamp wall = 0;
};

struct MemberProtocol {
  std::string name;
  wire::Bytes metadata;
  friend bool operator==(const MemberProtocol&, const MemberProtocol&) = default;
};

struct Member {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Milliseconds session_timeout{};
  Milliseconds rebalance_timeout{};
  std::vector<MemberProtocol> protocols;  // most wanted first
  wire::Bytes assignment;

  JoinReply join_reply;
  SyncReply sync_reply;
  base::TimePoint session_deadline;
  bool is_new = false;        // joined, and was never told a generation
  bool sync_awaited = false;  // was told the generation and has not synced yet

  bool awaits_join() const { return static_cast<bool>(join_reply); }
  bool awaits_sync() const { return static_cast<bool>(sync_reply); }
  // A member that waits for us cannot heartbeat. A new one is given up on even so (Kafka: five
  // minutes).
  bool session_runs() const { return is_new || !(awaits_join() || awaits_sync()); }
  // Empty if the member does not know the protocol.
  const wire::Bytes& metadata_for(const std::optional<std::string>& protocol) const {
    static const wire::Bytes kNone;
    for (const MemberProtocol& p : protocols) {
      if (protocol.has_value() && p.name == *protocol) return p.metadata;
    }
    return kNone;
  }
};

}  // namespace thalweg::coordinator
