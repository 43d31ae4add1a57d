#include "streamcore/metadata/log_writer.h"

#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::metadata {

namespace {

IncarnationId draw_incarnation(base::Random& random) {
  const uint64_t high = random.next();
  return {.high = high, .low = random.next()};
}

}  // namespace

LogWriter::LogWriter(object_store::ObjectStore& store, LogReplica& replica, LogBoundary& boundary,
                     base::Random& random, bool single_writer)
    : store_(store),
      replica_(replica),
      boundary_(boundary),
      random_(random),
      single_writer_(single_writer),
      incarnation_(draw_incarnation(random)) {}

void LogWriter::begin(std::vector<Transaction> transactions) {
  CHECK(!entry_);
  entry_ = LogEntry{.incarnation = incarnation_,
                    .counter = ++counter_,
                    .retired = {},
                    .transactions = std::move(transactions)};
  // A single writer knows that every other incarnation is dead and that none of its requests is
  // under way.
  if (single_writer_) {
    for (const auto& [id, row] : replica_.state().incarnations()) {
      if (id == incarnation_ || entry_->retired.size() == kRetiredPerEntryMax) continue;
      entry_->retired.push_back(id);
    }
  }
  bytes_ = encode_log_entry(*entry_);
  CHECK_LE(bytes_.size(), kLogEntryBytesMax);
  uncertain_ = created_ = LogPosition(0);
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
  std::vector<base::ByteView> parts;
  parts.push_back(base::as_bytes(bytes_));
  const auto answer =
      co_await store_.put_if_absent(object_name(kLogPrefix, slot), std::move(parts));
  if (answer) {
    if (*answer == object_store::PutOutcome::kExists) co_return Put::kAsk;
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
  if (row == nullptr) {
    if (!in_log_) return;
    // Somebody retired this incarnation while it lived. Its entry may or may not have been applied
    // before.
    base::log_warn("metadata incarnation was retired while alive; starting a new one");
    settle(attempt, Fate::kUnknown);
    incarnation_ = draw_incarnation(random_);
    counter_ = 0;
    in_log_ = false;
    return;
  }
  in_log_ = true;
  CHECK_LE(row->last_counter, entry_->counter);
  if (row->last_counter < entry_->counter) return;
  CHECK_EQ(row->held.size(), entry_->transactions.size());
  attempt.held = row->held;
  settle(attempt, Fate::kApplied);
}

void LogWriter::settle(Attempt& attempt, Fate fate) {
  attempt.fate = fate;
  entry_.reset();
  bytes_.clear();
}

}  // namespace thalweg::metadata
