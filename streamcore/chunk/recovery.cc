#include "streamcore/chunk/recovery.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_owner.h"

namespace thalweg::chunk {
namespace {

using base::Error;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using base::Task;

// What one replica said of one register.
enum class Answer {
  kNone,  // not yet
  kSeal,
  kChunk,    // whole and valid
  kCorrupt,  // something that was once whole: says nothing, and is not absence (P11)
  kFailed,   // no answer after all attempts
};

bool is_definite(Answer answer) { return answer == Answer::kSeal || answer == Answer::kChunk; }

enum class Copy { kNone, kMade, kFailed };

// Indexed by replica.
struct Slot {
  std::vector<Answer> answers;
  std::vector<bool> asked;         // whether the store still is the row's, after it answered
  std::vector<bool> confirmed;     // it is
  std::vector<Copy> copies;        // adopted ones
  std::optional<ChunkView> chunk;  // a valid copy, once one was found
  std::optional<ChunkView> found;  // one of which it is not known yet whose store it was in
  size_t found_in = 0;
};

// What one replica's log looks like before anything is sealed.
struct Survey {
  bool answered = false;
  bool failed = false;
  std::set<ChunkSeq> present;  // chunks and SEALs
  ChunkSeq dw;                 // greatest watermark of its chunks
};

// One recovery, or one sealing of a known end. Shared with its requests, since those to a store
// that is slower than a quorum may end after it.
class EpochRecovery : public std::enable_shared_from_this<EpochRecovery> {
 public:
  EpochRecovery(base::Executor& executor, std::vector<ChunkReplica*> replicas,
                RecoveryOptions options, base::TaskGroup& requests)
      : replicas_(std::move(replicas)),
        options_(std::move(options)),
        quorum_(quorum_of(replicas_.size())),
        surveys_(replicas_.size()),
        barred_(replicas_.size()),
        dead_(replicas_.size()),
        progress_(executor),
        requests_(requests) {
    CHECK_EQ(replicas_.size(), options_.incarnations.size());
  }

  Task<Result<RecoveredEpoch>> recover(EpochAuthority& authority) {
    Result<RecoveredEpoch> recovered = co_await recover_steps(authority);
    over_ = true;
    co_return recovered;
  }

  Task<Status> seal_at(ChunkSeq end) {
    ask_slot(end);
    const Status sealed = co_await seal_decided(end);
    over_ = true;
    co_return sealed;
  }

 private:
  Task<Result<RecoveredEpoch>> recover_steps(EpochAuthority& authority);
  void spawn(Task<void> request) { requests_.spawn(keep(shared_from_this(), std::move(request))); }
  static Task<void> keep(std::shared_ptr<EpochRecovery>, Task<void> request) {
    co_await std::move(request);
  }
  // Between two attempts; false if there shall be no other.
  Task<bool> pause(base::Duration& delay);
  Task<Result<ChunkSeq>> durable_watermark();
  Task<void> survey(size_t index);
  Task<Status> survey_steps(size_t index);
  Task<Status> check_durable_part(EpochAuthority& authority, ChunkSeq begin, ChunkSeq end);
  Task<Status> check_held(ChunkSeq seq);
  Task<Result<ChunkSeq>> find_end(EpochAuthority& authority, ChunkSeq begin);

  void ask_slot(ChunkSeq seq);
  Task<void> probe(size_t index, ChunkSeq seq);
  Task<Answer> probe_until_known(size_t index, ChunkSeq seq);
  Task<Answer> look_at(size_t index, ChunkSeq seq);
  // Waits until a quorum of replicas answered for the slot, and then still were the row's stores,
  // or cannot any more (P8).
  Task<Status> slot_decided(ChunkSeq seq);
  // Looks whether the replica still is the row's store, for all that it answered so far.
  void ask_identity(size_t index);
  Task<void> confirm(size_t index, std::vector<ChunkSeq> answered);
  // Asks the row which stores still count.
  Task<Status> bar_lost_stores(EpochAuthority& authority);
  Task<Status> seal_decided(ChunkSeq end);
  Task<Status> adopt(ChunkSeq seq);
  Task<void> copy_to(size_t index, ChunkSeq seq);
  Task<bool> put_adopted(size_t index, ChunkSeq seq);

  bool same_store(size_t index) const {
    return !barred_[index] && replicas_[index]->incarnation() == options_.incarnations[index];
  }
  // Or it was not reached yet.
  bool may_be_same_store(size_t index) const {
    return same_store(index) || (!barred_[index] && replicas_[index]->incarnation() == 0);
  }
  // The same, asked of the store: what it said before is then its own.
  Task<bool> still_same_store(size_t index) {
    const Status checked = co_await replicas_[index]->check_incarnation();
    co_return checked.has_value() && same_store(index);
  }
  bool counts(const Slot& slot, size_t index) const {
    return slot.confirmed[index] && same_store(index);
  }
  size_t count_confirmed(const Slot& slot, Answer answer) const;
  ChunkKey key(ChunkSeq seq, bool adopted = false) const {
    return {options_.channel, options_.epoch, seq, adopted};
  }
  size_t count(const Slot& slot, Answer answer) const {
    return static_cast<size_t>(std::ranges::count(slot.answers, answer));
  }
  std::string name() const {
    return "channel=" + std::to_string(options_.channel.value) +
           " epoch=" + std::to_string(options_.epoch.value);
  }

  std::vector<ChunkReplica*> replicas_;
  RecoveryOptions options_;
  size_t quorum_;
  std::vector<Survey> surveys_;
  std::vector<bool> barred_;  // stores the row says are lost
  std::vector<bool> dead_;    // replicas that take no more puts
  std::map<ChunkSeq, Slot> slots_;
  bool over_ = false;
  base::Notifier progress_;
  base::TaskGroup& requests_;
};

Task<bool> EpochRecovery::pause(base::Duration& delay) {
  const bool goes_on = co_await requests_.sleep_for(delay) && !over_;
  delay = std::min(delay * 2, options_.retry_delay_max);
  co_return goes_on;
}

Task<Result<RecoveredEpoch>> EpochRecovery::recover_steps(EpochAuthority& authority) {
  const ChunkSeq free_below = CO_TRY(co_await authority.start_sealing());
  const ChunkSeq watermark = CO_TRY(co_await durable_watermark());
  const ChunkSeq begin = std::max(free_below, watermark);
  CO_TRY(co_await check_durable_part(authority, free_below, begin));
  const ChunkSeq end = CO_TRY(co_await find_end(authority, begin));
  CO_TRY(co_await authority.close(end));
  base::log_info("epoch recovered " + name() + " free_below=" + std::to_string(free_below.value) +
                 " end=" + std::to_string(end.value));
  co_return RecoveredEpoch{options_.channel, options_.epoch, free_below, end};
}

// R2, after P13: the greatest watermark that a quorum of replicas shows.
Task<Result<ChunkSeq>> EpochRecovery::durable_watermark() {
  for (size_t i = 0; i < replicas_.size(); ++i) spawn(survey(i));
  for (;;) {
    const auto answered = static_cast<size_t>(std::ranges::count_if(surveys_, &Survey::answered));
    const auto failed = static_cast<size_t>(std::ranges::count_if(surveys_, &Survey::failed));
    if (answered >= quorum_) break;
    if (failed + quorum_ > replicas_.size()) {
      co_return fail(ErrorCode::kUnavailable, "no quorum of replicas can be listed, " + name());
    }
    co_await progress_.wait();
  }
  ChunkSeq watermark;
  for (const Survey& survey : surveys_) {
    if (survey.answered) watermark = std::max(watermark, survey.dw);
  }
  co_return watermark;
}

Task<void> EpochRecovery::survey(size_t index) {
  base::Duration delay = options_.retry_delay_min;
  Status status;
  for (uint32_t attempt = 0; attempt < options_.attempts_max; ++attempt) {
    status = co_await survey_steps(index);
    if (status && co_await still_same_store(index)) break;
    if (status) status = fail(ErrorCode::kUnavailable, "the store is of another incarnation");
    if (!co_await pause(delay)) break;
  }
  if (!status) base::log_warn("chunk replica not listed " + name() + ": " + status.error().message);
  (status ? surveys_[index].answered : surveys_[index].failed) = true;
  progress_.notify_all();
}

Task<Status> EpochRecovery::survey_steps(size_t index) {
  ChunkReplica* const replica = replicas_[index];
  Survey& survey = surveys_[index];
  survey.present.clear();
  CO_TRY(co_await replica->make_durable());
  const std::vector<ChunkKey> keys =
      CO_TRY(co_await replica->list(options_.channel, options_.epoch));
  for (const ChunkKey& key : keys) {
    if (!key.adopted) survey.present.insert(key.seq);
  }
  // Watermarks grow with seq, so the last readable chunk has the greatest. Its body need not be
  // whole: a header says what was true when it was written.
  for (auto seq = survey.present.rbegin(); seq != survey.present.rend(); ++seq) {
    const Result<ChunkHeader> header = co_await replica->head(key(*seq));
    if (header && header->kind == ChunkKind::kChunk) {
      survey.dw = header->dw;
      break;
    }
    if (!header && header.error().code != ErrorCode::kCorrupt &&
        header.error().code != ErrorCode::kNotFound) {
      co_return std::unexpected(header.error());
    }
  }
  co_return Status();
}

// P11: each slot below the watermark must be somewhere. A list may be older than the watermark, for
// the owner may still be alive, so a slot that no list shows is asked for by itself.
Task<Status> EpochRecovery::check_durable_part(EpochAuthority& authority, ChunkSeq begin,
                                               ChunkSeq end) {
  for (ChunkSeq seq = begin; seq < end; ++seq) {
    bool found = false;
    for (const Survey& survey : surveys_) {
      found = found || (survey.answered && survey.present.contains(seq));
    }
    if (found) continue;
    const Status held = co_await check_held(seq);
    if (held) continue;
    if (held.error().code != ErrorCode::kCorrupt) co_return held;
    const ChunkSeq free_below = CO_TRY(co_await authority.start_sealing());
    if (seq < free_below) continue;
    base::log_error(held.error().message);
    co_return held;
  }
  co_return Status();
}

// What is durable is on a quorum, so any quorum of answers shows it.
Task<Status> EpochRecovery::check_held(ChunkSeq seq) {
  base::Duration delay = options_.retry_delay_min;
  std::string messages;
  for (uint32_t attempt = 0; attempt < options_.attempts_max; ++attempt) {
    messages.clear();
    size_t absent = 0;
    for (size_t i = 0; i < replicas_.size(); ++i) {
      const Result<ChunkHeader> header = co_await replicas_[i]->head(key(seq));
      if (!co_await still_same_store(i)) continue;
      if (header && header->kind == ChunkKind::kChunk) co_return Status();
      const bool says_absent = header || header.error().code == ErrorCode::kNotFound ||
                               header.error().code == ErrorCode::kCorrupt;
      absent += says_absent ? 1 : 0;
      messages += "; " + (header ? describe(*header) : header.error().message);
    }
    if (absent >= quorum_) {
      co_return fail(ErrorCode::kCorrupt,
                     "durable chunk " + to_string(key(seq)) + " is missing" + messages);
    }
    if (!co_await pause(delay)) break;
  }
  co_return fail(ErrorCode::kUnavailable,
                 "no quorum of answers for " + to_string(key(seq)) + messages);
}

// R3, with the SEALs of a whole wave under way at once and the slots decided in order (P10).
Task<Result<ChunkSeq>> EpochRecovery::find_end(EpochAuthority& authority, ChunkSeq begin) {
  const uint64_t wave = 2 * uint64_t{options_.window};
  for (ChunkSeq seq = begin;; ++seq) {
    if ((seq - begin) % wave == 0) {
      for (uint64_t i = 0; i < wave; ++i) ask_slot(seq + i);
    }
    CO_TRY(co_await slot_decided(seq));
    CO_TRY(co_await bar_lost_stores(authority));
    CO_TRY(co_await slot_decided(seq));
    if (count_confirmed(slots_[seq], Answer::kChunk) == 0) co_return seq;
    CO_TRY(co_await adopt(seq));
    slots_[seq].chunk.reset();  // the bytes are not needed any more
  }
}

void EpochRecovery::ask_slot(ChunkSeq seq) {
  Slot& slot = slots_[seq];
  slot.answers.assign(replicas_.size(), Answer::kNone);
  slot.asked.assign(replicas_.size(), false);
  slot.confirmed.assign(replicas_.size(), false);
  slot.copies.assign(replicas_.size(), Copy::kNone);
  for (size_t i = 0; i < replicas_.size(); ++i) spawn(probe(i, seq));
}

Task<void> EpochRecovery::probe(size_t index, ChunkSeq seq) {
  const Answer answer = co_await probe_until_known(index, seq);
  slots_[seq].answers[index] = same_store(index) ? answer : Answer::kFailed;
  progress_.notify_all();
}

Task<Answer> EpochRecovery::probe_until_known(size_t index, ChunkSeq seq) {
  base::Duration delay = options_.retry_delay_min;
  for (uint32_t attempt = 0; attempt < options_.attempts_max; ++attempt) {
    if (!may_be_same_store(index) || dead_[index]) co_return Answer::kFailed;
    const Result<PutOutcome> put = co_await replicas_[index]->seal(key(seq), options_.sealer_nonce);
    if (put && *put == PutOutcome::kCreated) co_return Answer::kSeal;
    if (put) {
      const Answer answer = co_await look_at(index, seq);
      if (answer != Answer::kNone) co_return answer;
    } else if (put.error().code == ErrorCode::kCorrupt) {
      base::log_error("chunk register is corrupt " + to_string(key(seq)) + ": " +
                      put.error().message);
      co_return Answer::kCorrupt;
    } else if (put.error().code == ErrorCode::kUnavailable) {
      if (!dead_[index]) {
        base::log_warn("chunk replica is dead " + name() + ": " + put.error().message);
      }
      dead_[index] = true;
      co_return Answer::kFailed;
    }
    if (!co_await pause(delay)) break;
  }
  co_return Answer::kFailed;
}

Task<Answer> EpochRecovery::look_at(size_t index, ChunkSeq seq) {
  Result<ChunkView> view = co_await read_register(replicas_[index], key(seq));
  if (!view && view.error().code != ErrorCode::kCorrupt) co_return Answer::kNone;
  if (!view) {
    base::log_error("chunk register is corrupt " + to_string(key(seq)) + ": " +
                    view.error().message);
    co_return Answer::kCorrupt;
  }
  if (view->header().kind == ChunkKind::kSeal) co_return Answer::kSeal;
  Slot& slot = slots_[seq];
  if (!slot.chunk && !slot.found) {  // the answer is confirmed before it counts
    slot.found = std::move(*view);
    slot.found_in = index;
  } else if (!slot.chunk) {
    if (!co_await still_same_store(index)) co_return Answer::kNone;
    slot.chunk = std::move(*view);
  }
  co_return Answer::kChunk;
}

size_t EpochRecovery::count_confirmed(const Slot& slot, Answer answer) const {
  size_t found = 0;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    found += counts(slot, i) && slot.answers[i] == answer ? 1 : 0;
  }
  return found;
}

Task<Status> EpochRecovery::slot_decided(ChunkSeq seq) {
  Slot& slot = slots_[seq];
  for (;;) {
    size_t confirmed = 0;
    size_t open = 0;
    for (size_t i = 0; i < replicas_.size(); ++i) {
      if (is_definite(slot.answers[i]) && !slot.asked[i]) ask_identity(i);
      confirmed += counts(slot, i) ? 1 : 0;
      open += may_be_same_store(i) && !slot.confirmed[i] &&
              (slot.answers[i] == Answer::kNone || is_definite(slot.answers[i]));
    }
    if (confirmed >= quorum_) co_return Status();
    if (confirmed + open < quorum_) {
      // One that did not answer may hold what makes up for the damage.
      const bool corrupt = count(slot, Answer::kCorrupt) != 0 && count(slot, Answer::kFailed) == 0;
      co_return fail(corrupt ? ErrorCode::kCorrupt : ErrorCode::kUnavailable,
                     "no quorum of answers for " + to_string(key(seq)));
    }
    co_await progress_.wait();
  }
}

void EpochRecovery::ask_identity(size_t index) {
  std::vector<ChunkSeq> answered;
  for (auto& [seq, slot] : slots_) {
    if (!is_definite(slot.answers[index]) || slot.asked[index]) continue;
    slot.asked[index] = true;
    answered.push_back(seq);
  }
  spawn(confirm(index, std::move(answered)));
}

Task<void> EpochRecovery::confirm(size_t index, std::vector<ChunkSeq> answered) {
  base::Duration delay = options_.retry_delay_min;
  Status checked;
  for (uint32_t attempt = 0; attempt < options_.attempts_max; ++attempt) {
    checked = co_await replicas_[index]->check_incarnation();
    if (checked || checked.error().code != ErrorCode::kUnavailable) break;
    if (!co_await pause(delay)) break;
  }
  for (const ChunkSeq seq : answered) {
    Slot& slot = slots_[seq];
    slot.confirmed[index] = checked && same_store(index);
    if (!slot.confirmed[index]) slot.answers[index] = Answer::kFailed;
    if (!slot.found || slot.found_in != index) continue;
    if (slot.confirmed[index] && !slot.chunk) slot.chunk = std::move(slot.found);
    slot.found.reset();
  }
  progress_.notify_all();
}

Task<Status> EpochRecovery::bar_lost_stores(EpochAuthority& authority) {
  for (size_t i = 0; i < replicas_.size(); ++i) {
    const bool ok = CO_TRY(co_await authority.counts(options_.incarnations[i]));
    if (!ok) barred_[i] = true;
  }
  co_return Status();
}

// A chunk that one replica holds may have been acknowledged, so it is kept; before the epoch is
// closed a quorum holds it, beside the SEALs that took its register.
Task<Status> EpochRecovery::adopt(ChunkSeq seq) {
  Slot& slot = slots_[seq];
  const size_t holders = count_confirmed(slot, Answer::kChunk);
  if (holders >= quorum_) co_return Status();
  for (size_t i = 0; i < replicas_.size(); ++i) {
    const bool holds = counts(slot, i) && slot.answers[i] == Answer::kChunk;
    if (holds) slot.copies[i] = Copy::kMade;
    if (!holds) spawn(copy_to(i, seq));
  }
  for (;;) {
    const auto made = static_cast<size_t>(std::ranges::count(slot.copies, Copy::kMade));
    const auto failed = static_cast<size_t>(std::ranges::count(slot.copies, Copy::kFailed));
    if (made >= quorum_) co_return Status();
    if (replicas_.size() - failed < quorum_) {
      co_return fail(ErrorCode::kUnavailable,
                     "no quorum of replicas took a copy of " + to_string(key(seq)));
    }
    co_await progress_.wait();
  }
}

Task<void> EpochRecovery::copy_to(size_t index, ChunkSeq seq) {
  const bool made = co_await put_adopted(index, seq);
  slots_[seq].copies[index] = made ? Copy::kMade : Copy::kFailed;
  progress_.notify_all();
}

Task<bool> EpochRecovery::put_adopted(size_t index, ChunkSeq seq) {
  const ChunkKey adopted = key(seq, true);
  const ChunkView chunk = *slots_[seq].chunk;
  base::Duration delay = options_.retry_delay_min;
  for (uint32_t attempt = 0; attempt < options_.attempts_max && may_be_same_store(index);
       ++attempt) {
    const Result<PutOutcome> put = co_await replicas_[index]->put_if_absent(adopted, chunk.slice());
    if (put && *put == PutOutcome::kCreated && co_await still_same_store(index)) co_return true;
    if (put) {  // an earlier recovery's copy, or this one's after all
      const Result<ChunkView> view = co_await read_register(replicas_[index], adopted);
      const bool mine = view && view->header() == chunk.header();
      if (mine && co_await still_same_store(index)) co_return true;
      if ((view && !mine) || (!view && view.error().code == ErrorCode::kCorrupt)) {
        base::log_error("adopted copy is corrupt " + to_string(adopted));
        co_return false;
      }
    } else if (put.error().code == ErrorCode::kUnavailable) {
      co_return false;
    }
    if (!co_await pause(delay)) break;
  }
  co_return false;
}

Task<Status> EpochRecovery::seal_decided(ChunkSeq end) {
  CO_TRY(co_await slot_decided(end));
  if (count_confirmed(slots_[end], Answer::kChunk) == 0) co_return Status();
  co_return fail(ErrorCode::kCorrupt, "a chunk lies at the end, " + to_string(key(end)));
}

}  // namespace

Task<Result<bool>> EpochAuthority::counts(uint64_t) { co_return true; }

std::vector<ChunkKey> RecoveredEpoch::keys() const {
  std::vector<ChunkKey> keys;
  for (ChunkSeq seq = free_below; seq < end; ++seq) keys.push_back({channel, epoch, seq});
  return keys;
}

Task<Result<RecoveredEpoch>> recover_epoch(base::Executor& executor,
                                           std::vector<ChunkReplica*> replicas,
                                           RecoveryOptions options, EpochAuthority& authority) {
  base::TaskGroup own(executor);
  base::TaskGroup& requests = options.stragglers == nullptr ? own : *options.stragglers;
  const auto recovery =
      std::make_shared<EpochRecovery>(executor, std::move(replicas), std::move(options), requests);
  Result<RecoveredEpoch> recovered = co_await recovery->recover(authority);
  co_await own.stop_and_join();
  co_return recovered;
}

Task<Status> seal_end(base::Executor& executor, std::vector<ChunkReplica*> replicas,
                      RecoveryOptions options, ChunkSeq end) {
  base::TaskGroup own(executor);
  base::TaskGroup& requests = options.stragglers == nullptr ? own : *options.stragglers;
  const auto recovery =
      std::make_shared<EpochRecovery>(executor, std::move(replicas), std::move(options), requests);
  const Status sealed = co_await recovery->seal_at(end);
  co_await own.stop_and_join();
  co_return sealed;
}

}  // namespace thalweg::chunk
