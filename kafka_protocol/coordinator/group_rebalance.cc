// A rebalance: waiting for the members, electing, starting the generation, and giving up on who
// does not follow.
#include <algorithm>
#include <utility>

#include "kafka_protocol/coordinator/group.h"
#include "streamcore/base/check.h"

namespace thalweg::coordinator {

void Group::rebalance_or_try_complete(Instant now) {
  if (state_ == GroupState::kPreparingRebalance) {
    try_complete_join(now);
  } else {
    prepare_rebalance(now);
  }
}

void Group::prepare_rebalance(Instant now) {
  answer_all_syncs(KafkaError::kRebalanceInProgress, now);
  storing_generation_.reset();
  sync_deadline_.reset();
  for (auto& [id, member] : members_) member.sync_awaited = false;

  initial_ = state_ == GroupState::kEmpty;
  set_state(GroupState::kPreparingRebalance, now);
  if (initial_) {
    // Nobody is kept from working: give more members the time to come along.
    const Milliseconds delay = options_.initial_rebalance_delay;
    initial_left_ = std::max(rebalance_timeout() - delay, Milliseconds::zero());
    joined_meanwhile_ = false;
    join_deadline_ = now.steady + delay;
    due_at(*join_deadline_);
    return;
  }
  join_deadline_ = now.steady + rebalance_timeout();
  due_at(*join_deadline_);
  try_complete_join(now);
}

void Group::extend_initial_delay(Instant now) {
  const Milliseconds delay = std::min(options_.initial_rebalance_delay, initial_left_);
  initial_left_ = std::max(initial_left_ - options_.initial_rebalance_delay, Milliseconds::zero());
  joined_meanwhile_ = false;
  join_deadline_ = now.steady + delay;
  due_at(*join_deadline_);
}

void Group::try_complete_join(Instant now) {
  if (state_ != GroupState::kPreparingRebalance || !all_joined()) return;
  // The first rebalance takes its time, unless nobody is left to wait for.
  if (initial_ && !members_.empty()) return;
  complete_join(now);
}

void Group::complete_join(Instant now) {
  if (state_ != GroupState::kPreparingRebalance) return;
  std::vector<std::string> gone;
  for (const auto& [id, member] : members_) {
    if (!member.awaits_join() && !member.instance_id) gone.push_back(id);
  }
  for (const auto& id : gone) remove_member(id);
  if (!members_.empty() && !elect_leader()) {
    // Only static members that stayed away: wait until they come back or their sessions end.
    join_deadline_ = now.steady + rebalance_timeout();
    due_at(*join_deadline_);
    return;
  }
  start_generation(now);
}

// True if the leader takes part: it stays if it joined, otherwise somebody who did takes over.
bool Group::elect_leader() {
  const Member* leader = leader_ ? find(*leader_) : nullptr;
  if (leader != nullptr && leader->awaits_join()) return true;
  for (const auto& [id, member] : members_) {
    if (!member.awaits_join()) continue;
    leader_ = id;
    return true;
  }
  return false;
}

void Group::start_generation(Instant now) {
  join_deadline_.reset();
  initial_ = false;
  generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
  if (members_.empty()) {
    protocol_.reset();
    leader_.reset();
    set_state(GroupState::kEmpty, now);
    output_.store(id_, metadata(), [](KafkaError, Instant) {});
    return;
  }
  protocol_ = select_protocol();
  set_state(GroupState::kCompletingRebalance, now);
  sync_deadline_ = now.steady + rebalance_timeout();
  due_at(*sync_deadline_);
  for (auto& [id, member] : members_) {
    if (!member.awaits_join()) continue;  // a static member that stays until its session ends
    member.is_new = false;
    member.sync_awaited = true;
    renew_session(member, now);
    answer_join(member, generation_for(member));
  }
}

// Each member votes for the first protocol of its list that all know; a tie goes to the one voted
// for first.
std::string Group::select_protocol() const {
  std::vector<std::pair<std::string_view, size_t>> votes;
  for (const auto& [id, member] : members_) {
    const auto choice = std::find_if(member.protocols.begin(), member.protocols.end(),
                                     [this](const auto& p) { return all_know(p.name); });
    if (choice == member.protocols.end()) continue;
    const auto counted = std::find_if(votes.begin(), votes.end(),
                                      [&](const auto& vote) { return vote.first == choice->name; });
    if (counted == votes.end()) {
      votes.emplace_back(choice->name, 1);
    } else {
      ++counted->second;
    }
  }
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == votes.end() ? std::string() : std::string(most->first);
}

void Group::expire_pending(Instant now) {
  const auto expired =
      std::erase_if(pending_, [now](const auto& entry) { return entry.second <= now.steady; });
  if (expired > 0) try_complete_join(now);
}

void Group::expire_sessions(Instant now) {
  std::vector<std::string> expired;
  for (const auto& [id, member] : members_) {
    if (member.session_runs() && member.session_deadline <= now.steady) expired.push_back(id);
  }
  if (expired.empty()) return;
  for (const auto& id : expired) remove_member(id);
  rebalance_or_try_complete(now);
}

// Members that were told the generation and never synced in the time of a whole rebalance.
void Group::expire_unsynced(Instant now) {
  if (state_ != GroupState::kCompletingRebalance && state_ != GroupState::kStable) return;
  std::vector<std::string> silent;
  for (const auto& [id, member] : members_) {
    if (member.sync_awaited) silent.push_back(id);
  }
  if (silent.empty()) return;
  for (const auto& id : silent) remove_member(id);
  prepare_rebalance(now);
}

}  // namespace thalweg::coordinator
