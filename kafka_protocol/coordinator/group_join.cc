// JoinGroup: who may enter, as whom, and whether that starts a rebalance.
#include <algorithm>
#include <utility>

#include "kafka_protocol/coordinator/group.h"
#include "streamcore/base/check.h"

namespace thalweg::coordinator {

using wire::JoinGroupRequest;
using wire::JoinGroupResponse;

namespace {

constexpr int16_t kMemberIdRequiredSince = 4;  // KIP-394
constexpr int16_t kSkipAssignmentSince = 9;    // KIP-814

std::vector<MemberProtocol> protocols_of(const JoinGroupRequest& request) {
  std::vector<MemberProtocol> protocols;
  protocols.reserve(request.protocols.size());
  for (const auto& p : request.protocols) {
    protocols.push_back({std::string(p.name), {p.metadata.begin(), p.metadata.end()}});
  }
  return protocols;
}

bool same_protocols(const Member& member, const JoinGroupRequest& request) {
  return std::equal(member.protocols.begin(), member.protocols.end(), request.protocols.begin(),
                    request.protocols.end(), [](const MemberProtocol& a, const auto& b) {
                      return a.name == b.name && std::ranges::equal(a.metadata, b.metadata);
                    });
}

}  // namespace

void Group::join(const JoinContext& context, const JoinGroupRequest& request, Instant now,
                 JoinReply reply) {
  if (state_ == GroupState::kDead) {
    reply(join_error(KafkaError::kCoordinatorNotAvailable, request.member_id));
  } else if (!accepts(request.member_id)) {
    reply(join_error(KafkaError::kGroupMaxSizeReached));
  } else if (!supports(request)) {
    reply(join_error(KafkaError::kInconsistentGroupProtocol, request.member_id));
  } else if (request.member_id.empty()) {
    join_new(context, request, now, std::move(reply));
  } else {
    join_existing(context, request, now, std::move(reply));
  }
}

// Room for one more. A member that waits already takes no more room by asking again.
bool Group::accepts(std::string_view member_id) const {
  const auto at = members_.find(member_id);
  switch (state_) {
    case GroupState::kEmpty:
    case GroupState::kDead: return true;
    case GroupState::kPreparingRebalance: {
      if (at != members_.end() && at->second.awaits_join()) return true;
      return waiting_joins_ < options_.members_max;
    }
    case GroupState::kCompletingRebalance:
    case GroupState::kStable: break;
  }
  return at != members_.end() || members_.size() < options_.members_max;
}

// B37: the protocol type must be the group's and one protocol known to every member.
bool Group::supports(const JoinGroupRequest& request) const {
  if (request.protocol_type.empty() || request.protocols.empty()) return false;
  if (members_.empty()) return true;
  if (request.protocol_type != protocol_type_) return false;
  return std::any_of(request.protocols.begin(), request.protocols.end(),
                     [this](const auto& p) { return all_know(p.name); });
}

void Group::join_new(const JoinContext& context, const JoinGroupRequest& request, Instant now,
                     JoinReply reply) {
  if (request.group_instance_id) {
    if (Member* old = find_static(*request.group_instance_id); old != nullptr) {
      replace_static_member(std::string(old->id), context, request, now, std::move(reply));
    } else {
      add_member(context.fresh_member_id, context, request, now, std::move(reply));
    }
    return;
  }
  if (context.version < kMemberIdRequiredSince) {
    add_member(context.fresh_member_id, context, request, now, std::move(reply));
    return;
  }
  if (pending_.size() >= options_.members_max) {
    return reply(join_error(KafkaError::kGroupMaxSizeReached));
  }
  // It has to come back with the id, so that a client that gave up waiting leaves no member behind.
  const base::TimePoint until = now.steady + Milliseconds(request.session_timeout_ms);
  pending_.insert_or_assign(context.fresh_member_id, until);
  due_at(until);
  reply(join_error(KafkaError::kMemberIdRequired, context.fresh_member_id));
}

void Group::join_existing(const JoinContext& context, const JoinGroupRequest& request, Instant now,
                          JoinReply reply) {
  if (!request.group_instance_id && pending_.contains(request.member_id)) {
    add_member(std::string(request.member_id), context, request, now, std::move(reply));
    return;
  }
  const KafkaError error = check_member(request.member_id, request.group_instance_id);
  if (error != KafkaError::kNone) {
    reply(join_error(error, request.member_id));
    return;
  }
  Member& member = *find(request.member_id);
  const bool same = same_protocols(member, request);
  // B38: a repeated join of an unchanged member is told what it may have missed; only the leader,
  // whose join asks for a new assignment, starts a rebalance from Stable.
  const bool missed_it = state_ == GroupState::kCompletingRebalance && same;
  const bool unchanged_follower = state_ == GroupState::kStable && same && !is_leader(member);
  if (missed_it || unchanged_follower) {
    renew_session(member, now);
    reply(generation_for(member));
    return;
  }
  rejoin(member, request, now, std::move(reply));
}

void Group::rejoin(Member& member, const JoinGroupRequest& request, Instant now, JoinReply reply) {
  update_member(member, request, std::move(reply));
  rebalance_or_try_complete(now);
}

void Group::add_member(std::string member_id, const JoinContext& context,
                       const JoinGroupRequest& request, Instant now, JoinReply reply) {
  pending_.erase(member_id);
  if (members_.empty()) protocol_type_ = request.protocol_type;
  Member member;
  member.id = member_id;
  member.client_id = context.client_id;
  member.client_host = context.client_host;
  if (request.group_instance_id) {
    member.instance_id.emplace(*request.group_instance_id);
    static_members_.insert_or_assign(*member.instance_id, member_id);
  }
  update_member(member, request, std::move(reply));
  // It cannot heartbeat before it knows its id; a client that went away unnoticed is given up on in
  // the end.
  member.is_new = true;
  member.session_deadline = now.steady + options_.new_member_join_timeout;
  due_at(member.session_deadline);
  if (!leader_) leader_ = member_id;
  members_.emplace(std::move(member_id), std::move(member));
  if (state_ == GroupState::kPreparingRebalance && initial_) joined_meanwhile_ = true;
  rebalance_or_try_complete(now);
}

void Group::update_member(Member& member, const JoinGroupRequest& request, JoinReply reply) {
  // A client asks again only when it gave up on its last request.
  if (member.awaits_join()) {
    answer_join(member, join_error(KafkaError::kRebalanceInProgress, member.id));
  }
  set_protocols(member, protocols_of(request));
  member.session_timeout = Milliseconds(request.session_timeout_ms);
  member.rebalance_timeout = Milliseconds(
      request.rebalance_timeout_ms < 0 ? request.session_timeout_ms : request.rebalance_timeout_ms);
  wait_for_join(member, std::move(reply));
}

// B40: the same instance with a new process. The old member id is fenced from here on.
void Group::replace_static_member(const std::string& old_id, const JoinContext& context,
                                  const JoinGroupRequest& request, Instant now, JoinReply reply) {
  const std::string old_leader = leader_.value_or("");
  Member& member = rename_static_member(old_id, context.fresh_member_id);
  member.client_id = context.client_id;
  member.client_host = context.client_host;
  update_member(member, request, std::move(reply));
  renew_session(member, now);
  if (state_ == GroupState::kStable && protocol_ == select_protocol()) {
    keep_generation_for(member.id, old_leader, context.version, now);
    return;
  }
  // In CompletingRebalance the leader is assigning to the old id, so that round cannot stand.
  rebalance_or_try_complete(now);
}

Member& Group::rename_static_member(const std::string& old_id, const std::string& new_id) {
  auto node = members_.extract(old_id);
  CHECK(!node.empty());
  Member& member = node.mapped();
  if (member.awaits_join()) {
    answer_join(member, join_error(KafkaError::kFencedInstanceId, old_id));
  }
  answer_sync(member, KafkaError::kFencedInstanceId);
  member.id = new_id;
  node.key() = new_id;
  static_members_.insert_or_assign(*member.instance_id, new_id);
  if (leader_ == old_id) leader_ = new_id;
  return members_.insert(std::move(node)).position->second;
}

// No rebalance, but the new member id has to be durable before anybody acts on it. A leader may be
// told that it is the leader only if it can be told not to assign (v9); before, it is told the id
// that it no longer has.
void Group::keep_generation_for(const std::string& member_id, const std::string& old_leader,
                                int16_t version, Instant now) {
  state_since_ = now.wall;
  output_.store(id_, metadata(),
                [this, member_id, old_leader, version](KafkaError error, Instant then) {
                  Member* member = find(member_id);
                  if (member == nullptr || !member->awaits_join() || state_ != GroupState::kStable)
                    return;
                  renew_session(*member, then);
                  if (error != KafkaError::kNone) {
                    return answer_join(*member, join_error(error, member_id));
                  }
                  JoinGroupResponse response = generation_for(*member);
                  if (version >= kSkipAssignmentSince) {
                    response.skip_assignment = is_leader(*member);
                  } else {
                    response.leader = old_leader;
                    response.members.clear();
                  }
                  answer_join(*member, std::move(response));
                });
}

JoinGroupResponse Group::generation_for(const Member& member) const {
  JoinGroupResponse response;
  response.generation_id = generation_;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_;
  response.leader = leader_.value_or("");
  response.member_id = member.id;
  if (!is_leader(member)) return response;
  for (const auto& [id, other] : members_) {
    response.members.push_back({id, other.instance_id, other.metadata_for(protocol_)});
  }
  return response;
}

}  // namespace thalweg::coordinator
