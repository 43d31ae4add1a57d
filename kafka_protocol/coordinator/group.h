// Group: the state machine of one classic consumer group (KIP-62, 134, 345, 394, 559, 814;
// ClassicGroup and GroupMetadataManager in Kafka).
//
//            join                all joined or time out            leader's assignment is durable
//   Empty ─────────► Preparing ─────────────────────────► Completing ─────────────────────► Stable
//     ▲              Rebalance ◄──── join, leave, expiry ─ Rebalance      join, leave, expiry ──┘
//     └── no member left ┘                                       any ── deleted ──► Dead
//
// It is pure: inputs carry the time, waiting requests are answered through the replies they came
// with, what has to be durable leaves through GroupOutput. Owned by the coordinator, on its core;
// nothing in it suspends. The coordinator calls on_time() when deadline() has come.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/coordinator/member.h"
#include "kafka_protocol/coordinator/offsets_records_format.h"
#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/messages/describe_groups.h"
#include "kafka_protocol/wire/messages/leave_group.h"

namespace thalweg::coordinator {

using wire::KafkaError;

// Broker settings, by Kafka's names and defaults.
struct GroupOptions {
  Milliseconds session_timeout_min{6000};        // group.min.session.timeout.ms
  Milliseconds session_timeout_max{1800000};     // group.max.session.timeout.ms
  Milliseconds initial_rebalance_delay{3000};    // group.initial.rebalance.delay.ms
  Milliseconds new_member_join_timeout{300000};  // how long a first join may wait
  size_t members_max = 10000;                    // group.max.size
};

enum class GroupState { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable, kDead };
// The name clients see: "Empty", "PreparingRebalance", ...
std::string_view to_string(GroupState state);

// Where a group's durable state goes. `done` is called once, later, never from inside store(); in
// the order of the stores of all groups.
class GroupOutput {
 public:
  using Done = std::move_only_function<void(KafkaError, Instant)>;
  virtual ~GroupOutput() = default;
  virtual void store(const std::string& group_id, GroupMetadataValue value, Done done) = 0;
};

// What of a join is not in its message.
struct JoinContext {
  int16_t version = 0;
  std::string client_id;
  std::string client_host;
  std::string fresh_member_id;  // for a member without one; never used before
};

class Group {
 public:
  // `options` and `output` outlive the group.
  Group(std::string id, const GroupOptions& options, GroupOutput& output, Instant now);
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Takes over what was stored: Stable with the same members, whose sessions start now, or Empty.
  void restore(const GroupMetadataValue& value, Instant now);

  // The group id and session time-out were checked. `reply` is called now or when the generation
  // starts.
  void join(const JoinContext& context, const wire::JoinGroupRequest& request, Instant now,
            JoinReply reply);
  void sync(const wire::SyncGroupRequest& request, Instant now, SyncReply reply);
  KafkaError heartbeat(std::string_view member_id, std::optional<std::string_view> instance_id,
                       int32_t generation, Instant now);
  // One answer per member, in order. By instance id alone it is an administrator's removal.
  std::vector<KafkaError> leave(const std::vector<wire::LeaveGroupRequest::Member>& members,
                                Instant now);
  // May this member commit offsets? If so it counts as its heartbeat (B41).
  KafkaError admit_commit(std::string_view member_id, std::optional<std::string_view> instance_id,
                          int32_t generation, Instant now);

  // When on_time() may next have something to do: never too late, but maybe too early.
  std::optional<base::TimePoint> deadline() const { return deadline_; }
  void on_time(Instant now);

  // Answers everything that waits with `error` and forgets it, with all members: the coordinator
  // stops.
  void abandon(KafkaError error);
  // Empty to Dead, while its tombstone is written, and back if that failed.
  void set_dead();
  void revive();

  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  int32_t generation() const { return generation_; }
  // Empty for a group that only keeps offsets.
  const std::string& protocol_type() const { return protocol_type_; }
  size_t member_count() const { return members_.size(); }
  size_t pending_count() const { return pending_.size(); }
  bool is_pending(std::string_view member_id) const { return pending_.contains(member_id); }
  // Somebody who was told an id and has not come back with it need not be waited for.
  void forget_pending(std::string_view member_id, Instant now);
  base::Timestamp state_since() const { return state_since_; }
  // Topics the members of a consumer group subscribe to; nothing if that cannot be told, so that
  // all must be assumed.
  std::optional<std::vector<std::string>> subscribed_topics() const;
  void describe(wire::DescribeGroupsResponse::Group& out) const;

 private:
  using Members = std::map<std::string, Member, std::less<>>;

  // group_join.cc
  void join_new(const JoinContext& context, const wire::JoinGroupRequest& request, Instant now,
                JoinReply reply);
  void join_existing(const JoinContext& context, const wire::JoinGroupRequest& request, Instant now,
                     JoinReply reply);
  void rejoin(Member& member, const wire::JoinGroupRequest& request, Instant now, JoinReply reply);
  void add_member(std::string member_id, const JoinContext& context,
                  const wire::JoinGroupRequest& request, Instant now, JoinReply reply);
  void replace_static_member(const std::string& old_id, const JoinContext& context,
                             const wire::JoinGroupRequest& request, Instant now, JoinReply reply);
  Member& rename_static_member(const std::string& old_id, const std::string& new_id);
  void keep_generation_for(const std::string& member_id, const std::string& old_leader,
                           int16_t version, Instant now);
  void update_member(Member& member, const wire::JoinGroupRequest& request, JoinReply reply);
  wire::JoinGroupResponse generation_for(const Member& member) const;
  bool accepts(std::string_view member_id) const;
  bool supports(const wire::JoinGroupRequest& request) const;

  // group_rebalance.cc
  void prepare_rebalance(Instant now);
  void rebalance_or_try_complete(Instant now);
  void try_complete_join(Instant now);
  void complete_join(Instant now);
  void start_generation(Instant now);
  void extend_initial_delay(Instant now);
  bool elect_leader();
  std::string select_protocol() const;
  void expire_pending(Instant now);
  void expire_sessions(Instant now);
  void expire_unsynced(Instant now);

  // group_sync.cc
  void store_assignment(const wire::SyncGroupRequest& request, Instant now);
  void assignment_stored(int32_t generation, KafkaError error, Instant now);
  void answer_sync(Member& member, KafkaError error);
  void answer_all_syncs(KafkaError error, Instant now);

  // group.cc
  KafkaError check_member(std::string_view member_id,
                          std::optional<std::string_view> instance_id) const;
  Member* find(std::string_view member_id);
  Member* find_static(std::string_view instance_id);
  void remove_member(const std::string& member_id);
  // Every member whose session begins to run, since a request of it was answered, is renewed.
  void renew_session(Member& member, Instant now);
  void due_at(base::TimePoint time);
  std::optional<base::TimePoint> next_deadline() const;
  void wait_for_join(Member& member, JoinReply reply);
  void answer_join(Member& member, wire::JoinGroupResponse response);
  void set_protocols(Member& member, std::vector<MemberProtocol> protocols);
  bool all_know(std::string_view protocol) const;
  void set_state(GroupState state, Instant now);
  bool all_joined() const;
  Milliseconds rebalance_timeout() const;
  bool is_leader(const Member& member) const { return leader_ == member.id; }
  KafkaError leave_one(const wire::LeaveGroupRequest::Member& request);
  GroupMetadataValue metadata() const;

  const std::string id_;
  const GroupOptions& options_;
  GroupOutput& output_;

  GroupState state_ = GroupState::kEmpty;
  base::Timestamp state_since_;
  int32_t generation_ = 0;
  std::string protocol_type_;
  std::optional<std::string> protocol_;
  std::optional<std::string> leader_;
  Members members_;
  std::map<std::string, std::string, std::less<>> static_members_;  // instance id -> member id
  std::map<std::string, base::TimePoint, std::less<>> pending_;  // were told their id; until when

  // Counted, so that a join costs the same in a large group as in a small one.
  size_t waiting_joins_ = 0;
  std::map<std::string, size_t, std::less<>> known_by_;  // protocol -> members that know it
  std::optional<base::TimePoint> deadline_;

  // PreparingRebalance: when to go on without the rest.
  std::optional<base::TimePoint> join_deadline_;
  std::optional<base::TimePoint> sync_deadline_;  // after a generation started
  bool initial_ = false;                          // this rebalance found the group Empty
  bool joined_meanwhile_ = false;                 // since the initial delay was last extended
  Milliseconds initial_left_{};                   // how much longer it may still be extended
  std::optional<int32_t> storing_generation_;
};

// A join that fails, as every version reads it.
wire::JoinGroupResponse join_error(KafkaError error, std::string_view member_id = {});
wire::SyncGroupResponse sync_error(KafkaError error);

}  // namespace thalweg::coordinator
