#include "kafka_protocol/coordinator/group.h"

#include <algorithm>
#include <utility>

#include "kafka_protocol/coordinator/subscription.h"
#include "streamcore/base/check.h"

namespace thalweg::coordinator {

std::string_view to_string(GroupState state) {
  switch (state) {
    case GroupState::kEmpty: return "Empty";
    case GroupState::kPreparingRebalance: return "PreparingRebalance";
    case GroupState::kCompletingRebalance: return "CompletingRebalance";
    case GroupState::kStable: return "Stable";
    case GroupState::kDead: return "Dead";
  }
  return "?";
}

Group::Group(std::string id, const GroupOptions& options, GroupOutput& output, Instant now)
    : id_(std::move(id)), options_(options), output_(output), state_since_(now.wall) {}

void Group::restore(const GroupMetadataValue& value, Instant now) {
  protocol_type_ = value.protocol_type;
  generation_ = value.generation;
  protocol_ = value.protocol;
  leader_ = value.leader;
  for (const auto& stored : value.members) {
    const bool no_timeout = stored.rebalance_timeout < 0;  // written before v1 of the value
    Member member;
    member.id = stored.member_id;
    member.instance_id = stored.group_instance_id;
    member.client_id = stored.client_id;
    member.client_host = stored.client_host;
    member.session_timeout = Milliseconds(stored.session_timeout);
    member.rebalance_timeout =
        Milliseconds(no_timeout ? stored.session_timeout : stored.rebalance_timeout);
    set_protocols(member, {{value.protocol.value_or(""), stored.subscription}});
    member.assignment = stored.assignment;
    renew_session(member, now);
    if (member.instance_id) static_members_.insert_or_assign(*member.instance_id, member.id);
    members_.insert_or_assign(stored.member_id, std::move(member));
  }
  state_ = members_.empty() ? GroupState::kEmpty : GroupState::kStable;
  state_since_ = value.current_state_timestamp >= 0 ? value.current_state_timestamp : now.wall;
}

KafkaError Group::heartbeat(std::string_view member_id, std::optional<std::string_view> instance_id,
                            int32_t generation, Instant now) {
  if (state_ == GroupState::kDead) return KafkaError::kCoordinatorNotAvailable;
  const KafkaError error = check_member(member_id, instance_id);
  if (error != KafkaError::kNone) return error;
  if (generation != generation_) return KafkaError::kIllegalGeneration;
  renew_session(*find(member_id), now);
  return state_ == GroupState::kPreparingRebalance ? KafkaError::kRebalanceInProgress
                                                   : KafkaError::kNone;
}

std::vector<KafkaError> Group::leave(const std::vector<wire::LeaveGroupRequest::Member>& members,
                                     Instant now) {
  std::vector<KafkaError> answers;
  answers.reserve(members.size());
  const size_t before = members_.size();
  for (const auto& member : members) answers.push_back(leave_one(member));
  if (members_.size() < before) {
    rebalance_or_try_complete(now);
  } else {
    try_complete_join(now);  // a pending member may have been the one everybody waited for
  }
  return answers;
}

KafkaError Group::leave_one(const wire::LeaveGroupRequest::Member& request) {
  if (state_ == GroupState::kDead) return KafkaError::kCoordinatorNotAvailable;
  if (request.member_id.empty()) {
    if (!request.group_instance_id) return KafkaError::kUnknownMemberId;
    Member* member = find_static(*request.group_instance_id);
    if (member == nullptr) return KafkaError::kUnknownMemberId;
    remove_member(std::string(member->id));
    return KafkaError::kNone;
  }
  if (const auto pending = pending_.find(request.member_id); pending != pending_.end()) {
    pending_.erase(pending);
    return KafkaError::kNone;
  }
  const KafkaError error = check_member(request.member_id, request.group_instance_id);
  if (error == KafkaError::kNone) remove_member(std::string(request.member_id));
  return error;
}

KafkaError Group::admit_commit(std::string_view member_id,
                               std::optional<std::string_view> instance_id, int32_t generation,
                               Instant now) {
  if (state_ == GroupState::kDead) return KafkaError::kCoordinatorNotAvailable;
  const bool anonymous = generation < 0 && member_id.empty() && !instance_id;
  if (state_ == GroupState::kEmpty && generation < 0) return KafkaError::kNone;
  if (anonymous) return KafkaError::kUnknownMemberId;
  const KafkaError error = check_member(member_id, instance_id);
  if (error != KafkaError::kNone) return error;
  if (generation != generation_) return KafkaError::kIllegalGeneration;
  renew_session(*find(member_id), now);
  // It knows the new generation but not its assignment: it may not commit for what it might have
  // lost.
  if (state_ == GroupState::kCompletingRebalance) return KafkaError::kRebalanceInProgress;
  return KafkaError::kNone;
}

void Group::forget_pending(std::string_view member_id, Instant now) {
  const auto pending = pending_.find(member_id);
  if (pending == pending_.end()) return;
  pending_.erase(pending);
  try_complete_join(now);
}

void Group::due_at(base::TimePoint time) {
  if (!deadline_ || time < *deadline_) deadline_ = time;
}

std::optional<base::TimePoint> Group::next_deadline() const {
  std::optional<base::TimePoint> first;
  const auto consider = [&first](base::TimePoint t) {
    if (!first || t < *first) first = t;
  };
  if (join_deadline_) consider(*join_deadline_);
  if (sync_deadline_) consider(*sync_deadline_);
  for (const auto& [id, until] : pending_) consider(until);
  for (const auto& [id, member] : members_) {
    if (member.session_runs()) consider(member.session_deadline);
  }
  return first;
}

void Group::on_time(Instant now) {
  expire_pending(now);
  expire_sessions(now);
  if (join_deadline_ && *join_deadline_ <= now.steady) {
    join_deadline_.reset();
    if (initial_ && joined_meanwhile_ && initial_left_ > Milliseconds::zero()) {
      extend_initial_delay(now);
    } else {
      complete_join(now);
    }
  }
  if (sync_deadline_ && *sync_deadline_ <= now.steady) {
    sync_deadline_.reset();
    expire_unsynced(now);
  }
  deadline_ = next_deadline();
}

void Group::abandon(KafkaError error) {
  state_ = GroupState::kDead;
  for (auto& [id, member] : members_) {
    if (member.awaits_join()) answer_join(member, join_error(error, id));
    if (member.awaits_sync()) std::exchange(member.sync_reply, {})(sync_error(error));
  }
  members_.clear();
  static_members_.clear();
  pending_.clear();
  join_deadline_.reset();
  sync_deadline_.reset();
}

void Group::set_dead() {
  CHECK(state_ == GroupState::kEmpty);
  state_ = GroupState::kDead;
}

void Group::revive() {
  CHECK(state_ == GroupState::kDead && members_.empty());
  state_ = GroupState::kEmpty;
}

std::optional<std::vector<std::string>> Group::subscribed_topics() const {
  std::vector<std::string> topics;
  if (members_.empty()) return topics;
  if (protocol_type_ != kConsumerProtocolType || !protocol_) return std::nullopt;
  for (const auto& [id, member] : members_) {
    if (!append_subscribed_topics(member.metadata_for(protocol_), topics)) return std::nullopt;
  }
  return topics;
}

void Group::describe(wire::DescribeGroupsResponse::Group& out) const {
  out.group_id = id_;
  out.group_state = to_string(state_);
  out.protocol_type = protocol_type_;
  const bool stable = state_ == GroupState::kStable;
  if (stable) out.protocol_data = protocol_.value_or("");
  for (const auto& [id, member] : members_) {
    auto& described = out.members.emplace_back();
    described.member_id = id;
    described.group_instance_id = member.instance_id;
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    if (!stable) continue;
    described.member_metadata = member.metadata_for(protocol_);
    described.member_assignment = member.assignment;
  }
}

KafkaError Group::check_member(std::string_view member_id,
                               std::optional<std::string_view> instance_id) const {
  if (instance_id) {
    const auto at = static_members_.find(*instance_id);
    if (at == static_members_.end()) return KafkaError::kUnknownMemberId;
    return at->second == member_id ? KafkaError::kNone : KafkaError::kFencedInstanceId;
  }
  return members_.find(member_id) == members_.end() ? KafkaError::kUnknownMemberId
                                                    : KafkaError::kNone;
}

Member* Group::find(std::string_view member_id) {
  const auto at = members_.find(member_id);
  return at == members_.end() ? nullptr : &at->second;
}

Member* Group::find_static(std::string_view instance_id) {
  const auto at = static_members_.find(instance_id);
  return at == static_members_.end() ? nullptr : find(at->second);
}

// Its waiting requests are answered first: a client that is still there joins again with a new id.
void Group::remove_member(const std::string& member_id) {
  const auto at = members_.find(member_id);
  CHECK(at != members_.end());
  Member member = std::move(at->second);
  members_.erase(at);
  if (member.instance_id) static_members_.erase(*member.instance_id);
  if (leader_ == member_id) {
    leader_.reset();
    if (!members_.empty()) leader_ = members_.begin()->first;
  }
  set_protocols(member, {});
  if (member.awaits_join()) answer_join(member, join_error(KafkaError::kUnknownMemberId));
  answer_sync(member, KafkaError::kUnknownMemberId);
}

void Group::renew_session(Member& member, Instant now) {
  member.session_deadline = now.steady + member.session_timeout;
  due_at(member.session_deadline);
}

void Group::wait_for_join(Member& member, JoinReply reply) {
  CHECK(!member.awaits_join());
  member.join_reply = std::move(reply);
  ++waiting_joins_;
}

void Group::answer_join(Member& member, wire::JoinGroupResponse response) {
  CHECK(member.awaits_join());
  --waiting_joins_;
  std::exchange(member.join_reply, {})(std::move(response));
}

void Group::set_protocols(Member& member, std::vector<MemberProtocol> protocols) {
  const auto count = [this](const std::vector<MemberProtocol>& list, bool more) {
    for (auto at = list.begin(); at != list.end(); ++at) {
      const auto same = [&](const MemberProtocol& other) { return other.name == at->name; };
      if (std::any_of(list.begin(), at, same)) continue;  // named twice
      size_t& members = known_by_[at->name];
      members += more ? 1u : size_t(-1);
      if (members == 0) known_by_.erase(at->name);
    }
  };
  count(member.protocols, false);
  member.protocols = std::move(protocols);
  count(member.protocols, true);
}

bool Group::all_know(std::string_view protocol) const {
  const auto at = known_by_.find(protocol);
  return at != known_by_.end() && at->second == members_.size();
}

void Group::set_state(GroupState state, Instant now) {
  state_ = state;
  state_since_ = now.wall;
}

bool Group::all_joined() const { return pending_.empty() && waiting_joins_ == members_.size(); }

Milliseconds Group::rebalance_timeout() const {
  Milliseconds longest{};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

GroupMetadataValue Group::metadata() const {
  GroupMetadataValue value{.protocol_type = protocol_type_,
                           .generation = generation_,
                           .protocol = protocol_,
                           .leader = leader_,
                           .current_state_timestamp = state_since_,
                           .members = {}};
  for (const auto& [id, member] : members_) {
    value.members.push_back(
        {.member_id = id,
         .group_instance_id = member.instance_id,
         .client_id = member.client_id,
         .client_host = member.client_host,
         .rebalance_timeout = static_cast<int32_t>(member.rebalance_timeout.count()),
         .session_timeout = static_cast<int32_t>(member.session_timeout.count()),
         .subscription = member.metadata_for(protocol_),
         .assignment = member.assignment});
  }
  return value;
}

wire::JoinGroupResponse join_error(KafkaError error, std::string_view member_id) {
  wire::JoinGroupResponse response;
  response.error_code = error;
  response.member_id = member_id;
  return response;
}

wire::SyncGroupResponse sync_error(KafkaError error) {
  wire::SyncGroupResponse response;
  response.error_code = error;
  return response;
}

}  // namespace thalweg::coordinator
