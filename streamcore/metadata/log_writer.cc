#include "streamcore/metadata/log_writer.h"

#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::metadata {

LogWriter::LogWriter(object_store::ObjectStore& store, LogReplica& replica, LogBoundary& boundary,
                     base::Random& random, bool single_writer)
    : store_(store),
      replica_(replica),
      boundary_(boundary),
      random_(random),
      single_writer_(single_writer) {}

// Whether an entry of an incarnation without a row would count in the next slot.
bool LogWriter::may_begin() const {
  return incarnation_.may_begin_in(replica_.position() + 1, replica_.incarnation_slots());
}

void LogWriter::draw_incarnation() {
  incarnation_ = {.drawn_at = replica_.position().value, .nonce = random_.next()};
  counter_ = 0;
}

void LogWriter::begin(std::vector<Transaction> transactions) {
  CHECK(!entry_);
  const bool known = replica_.state().incarnation(incarnation_) != nullptr;
  if (counter_ == 0 || (!known && !may_begin())) draw_incarnation();
  entry_ = LogEntry{
      .incarnation = {}, .counter = 0, .retired = {}, .transactions = std::move(transactions)};
  const LogPosition slot = replica_.position() + 1;
  for (const auto& [id, row] : replica_.state().incarnations()) {
    if (id == incarnation_ || !row.is_old(id, slot, replica_.incarnation_slots())) continue;
    if (entry_->retired.size() < kRetiredPerEntryMax) entry_->retired.push_back(id);
  }
  name_entry();
}

void LogWriter::name_entry() {
  entry_->incarnation = incarnation_;
  entry_->counter = ++counter_;
  may_be_there_ = false;
  encoded_for_ = uncertain_ = created_ = LogPosition(0);
}

void LogWriter::encode_for(LogPosition slot) {
  if (encoded_for_ == slot) return;
  encoded_for_ = slot;
  bytes_ = encode_log_entry(*entry_, slot);
  CHECK_LE(bytes_.size(), kLogEntryBytesMax);
}

base::Task<base::Result<LogWriter::Attempt>> LogWriter::attempt() {
  Attempt result;
  const Put answer = CO_TRY(co_await put());
  if (answer == Put::kNothing) {
    settle(result, Fate::kNoSpace);
    co_return result;
  }
  if (answer == Put::kCreated) {
    result.caught_up = CO_TRY(co_await after_created());
  } else {
    result.caught_up = CO_TRY(co_await replica_.advance());
  }
  look_up(result);
  co_return result;
}

base::Task<base::Result<LogWriter::Put>> LogWriter::put() {
  const LogPosition slot = replica_.position() + 1;
  if (created_ == slot) co_return Put::kCreated;  // only the list after it failed
  encode_for(slot);
  std::vector<base::ByteView> parts;
  parts.push_back(base::as_bytes(bytes_));
  const auto answer =
      co_await store_.put_if_absent(object_name(kLogPrefix, slot), std::move(parts));
  if (answer) {
    if (*answer == object_store::PutOutcome::kExists) co_return Put::kAsk;
    may_be_there_ = true;
    created_ = slot;
    co_return Put::kCreated;
  }
  const base::ErrorCode code = answer.error().code;
  if (code == base::ErrorCode::kInvalidArgument || code == base::ErrorCode::kClosed) {
    co_return std::unexpected(answer.error());
  }
  // No space proves that this put created nothing, but not that an earlier one into this slot will
  // not.
  if (code == base::ErrorCode::kNoSpace) {
    if (uncertain_ != slot) co_return Put::kNothing;
  } else {
    may_be_there_ = true;
    uncertain_ = slot;
  }
  co_return Put::kAsk;
}

base::Task<base::Result<bool>> LogWriter::after_created() {
  // Another node may have deleted the slot between this node's position and the put. A single
  // writer is the only one that deletes, up to a snapshot of its own, which is never past its
  // position: no list is needed.
  if (!single_writer_) CO_TRY(co_await boundary_.refresh());
  if (boundary_.known() > replica_.position()) {
    CO_TRY(co_await replica_.reload());
    co_return false;
  }
  replica_.apply_next(*entry_, bytes_.size());
  co_return true;
}

void LogWriter::look_up(Attempt& attempt) {
  const IncarnationRow* row = replica_.state().incarnation(incarnation_);
  if (row == nullptr) return look_up_without_row(attempt);
  CHECK_LE(row->last_counter, entry_->counter);
  if (row->last_counter < entry_->counter) return;
  CHECK_EQ(row->held.size(), entry_->transactions.size());
  attempt.held = row->held;
  settle(attempt, Fate::kApplied);
}

void LogWriter::look_up_without_row(Attempt& attempt) {
  // Too young to have lost one: nothing of it was applied.
  if (may_begin()) return;
  // From here on no slot takes the entry. Before, it may have been applied and the row dropped
  // since.
  if (may_be_there_) {
    base::log_warn("metadata incarnation was retired while alive; starting a new one");
    settle(attempt, Fate::kUnknown);
    counter_ = 0;
    return;
  }
  draw_incarnation();
  name_entry();
}

void LogWriter::settle(Attempt& attempt, Fate fate) {
  attempt.fate = fate;
  entry_.reset();
  bytes_.clear();
}

}  // namespace thalweg::metadata
