// SyncGroup: the leader's assignment becomes durable, then everybody gets its part.
#include <utility>

#include "kafka_protocol/coordinator/group.h"
#include "streamcore/base/check.h"

namespace thalweg::coordinator {

using wire::SyncGroupRequest;
using wire::SyncGroupResponse;

namespace {

bool differs(const std::optional<std::string_view>& asked, std::string_view actual) {
  return asked && *asked != actual;
}

}  // namespace

void Group::sync(const SyncGroupRequest& request, Instant now, SyncReply reply) {
  if (state_ == GroupState::kDead) {
    return reply(sync_error(KafkaError::kCoordinatorNotAvailable));
  }
  const KafkaError error = check_member(request.member_id, request.group_instance_id);
  if (error != KafkaError::kNone) return reply(sync_error(error));
  if (request.generation_id != generation_) {
    return reply(sync_error(KafkaError::kIllegalGeneration));
  }
  if (differs(request.protocol_type, protocol_type_) ||
      differs(request.protocol_name, protocol_.value_or(""))) {
    return reply(sync_error(KafkaError::kInconsistentGroupProtocol));
  }
  if (state_ == GroupState::kPreparingRebalance) {
    return reply(sync_error(KafkaError::kRebalanceInProgress));
  }
  Member& member = *find(request.member_id);
  answer_sync(member, KafkaError::kRebalanceInProgress);  // an earlier request, given up on
  member.sync_awaited = false;
  member.sync_reply = std::move(reply);
  renew_session(member, now);
  if (state_ == GroupState::kStable) return answer_sync(member, KafkaError::kNone);
  if (is_leader(member) && !storing_generation_) store_assignment(request, now);
}

void Group::store_assignment(const SyncGroupRequest& request, Instant now) {
  for (auto& [id, member] : members_) member.assignment.clear();
  for (const auto& part : request.assignments) {
    Member* member = find(part.member_id);
    if (member == nullptr) continue;
    member->assignment.assign(part.assignment.begin(), part.assignment.end());
  }
  storing_generation_ = generation_;
  GroupMetadataValue value = metadata();
  value.current_state_timestamp = now.wall;
  output_.store(id_, std::move(value),
                [this, generation = generation_](KafkaError error, Instant then) {
                  assignment_stored(generation, error, then);
                });
}

void Group::assignment_stored(int32_t generation, KafkaError error, Instant now) {
  // A rebalance that began meanwhile answered everybody already.
  if (storing_generation_ != generation || state_ != GroupState::kCompletingRebalance) return;
  storing_generation_.reset();
  if (error != KafkaError::kNone) {
    for (auto& [id, member] : members_) member.assignment.clear();
    answer_all_syncs(error, now);
    prepare_rebalance(now);
    return;
  }
  set_state(GroupState::kStable, now);
  for (auto& [id, member] : members_) {
    if (!member.awaits_sync()) continue;
    renew_session(member, now);
    answer_sync(member, KafkaError::kNone);
  }
}

void Group::answer_sync(Member& member, KafkaError error) {
  if (!member.awaits_sync()) return;
  auto answer = std::exchange(member.sync_reply, {});
  if (error != KafkaError::kNone) return answer(sync_error(error));
  SyncGroupResponse response;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_;
  response.assignment = member.assignment;
  answer(std::move(response));
}

void Group::answer_all_syncs(KafkaError error, Instant now) {
  for (auto& [id, member] : members_) {
    if (!member.awaits_sync()) continue;
    renew_session(member, now);
    answer_sync(member, error);
  }
}

}  // namespace thalweg::coordinator
