#include "streamcore/metadata/log_replica.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/task_group.h"

namespace thalweg::metadata {

namespace {

constexpr int kReloadAttemptsMax = 5;
constexpr int kDamagedLooksMax = 3;
constexpr base::Duration kReloadPause = std::chrono::milliseconds(200);
// Applying goes on without a break for about this many bytes of log.
constexpr size_t kApplySliceBytes = 1 << 20;

}  // namespace

LogReplica::LogReplica(base::Executor& executor, object_store::ObjectStore& store,
                       LogBoundary& boundary, SnapshotStore& snapshots, uint64_t incarnation_slots)
    : executor_(executor),
      store_(store),
      boundary_(boundary),
      snapshots_(snapshots),
      incarnation_slots_(incarnation_slots),
      state_(std::make_shared<OrderedState>()) {}

base::Task<base::Status> LogReplica::open() {
  auto snapshot = CO_TRY(co_await snapshots_.load_newest(position_));
  if (snapshot) adopt(std::move(*snapshot));
  run_ = kReplayRunMax;
  while (!CO_TRY(co_await advance())) {
  }
  co_return base::Status{};
}

base::Task<base::Result<bool>> LogReplica::advance() {
  const std::vector<Fetched> run = co_await fetch_run(run_);
  size_t entries = 0;
  while (entries < run.size() && *run[entries]) ++entries;
  // Only now: a boundary listed before the slots were read could have been passed meanwhile.
  CO_TRY(co_await boundary_.refresh());
  if (boundary_.known() > position_) {
    CO_TRY(co_await reload());
    co_return false;
  }
  const bool cut = entries < run.size();
  const bool at_end = cut && run[entries]->error().code == base::ErrorCode::kNotFound;
  if (cut && !at_end && entries == 0) co_return std::unexpected(run[0]->error());
  const bool applied = CO_TRY(co_await apply_run(run, entries));
  run_ = cut || !applied ? 1 : std::min(run_ * 2, kReplayRunMax);
  co_return at_end&& applied;
}

base::Task<void> LogReplica::fetch(LogPosition slot, Fetched& into) {
  into = co_await store_.get(object_name(kLogPrefix, slot), std::nullopt);
}

base::Task<std::vector<LogReplica::Fetched>> LogReplica::fetch_run(size_t slots) {
  std::vector<Fetched> run(slots);
  if (slots == 1) {
    co_await fetch(position_ + 1, run[0]);
    co_return run;
  }
  base::TaskGroup group(executor_);
  for (size_t i = 0; i < slots; ++i) group.spawn(fetch(position_ + 1 + i, run[i]));
  co_await group.stop_and_join();
  co_return run;
}

base::Task<base::Result<bool>> LogReplica::apply_run(const std::vector<Fetched>& run,
                                                     size_t entries) {
  size_t since_break = 0;
  for (size_t i = 0; i < entries; ++i) {
    const std::string_view bytes = base::as_chars((*run[i])->bytes);
    const LogPosition slot = position_ + 1;
    const auto entry = decode_log_entry(bytes, slot);
    // The damage may have come about on the way. Read again it is as any slot: boundaries follow.
    if (!entry && entry.error().code == base::ErrorCode::kCorrupt) {
      if (std::exchange(damaged_, slot) != slot) damaged_looks_ = 0;
      if (++damaged_looks_ < kDamagedLooksMax) co_return false;
    }
    if (!entry) co_return std::unexpected(entry.error());
    apply_next(*entry, bytes.size());
    since_break += bytes.size();
    if (since_break < kApplySliceBytes) continue;
    since_break = 0;
    co_await base::yield(executor_);
  }
  co_return true;
}

void LogReplica::apply_next(const LogEntry& entry, size_t bytes) {
  ++position_;
  state_->apply(entry, position_, incarnation_slots_);
  ++entries_since_snapshot_;
  bytes_since_snapshot_ += bytes;
}

base::Task<base::Status> LogReplica::reload() {
  const LogPosition needed = boundary_.known();
  for (int attempt = 0; attempt < kReloadAttemptsMax; ++attempt) {
    auto snapshot = CO_TRY(co_await snapshots_.load_newest(position_));
    if (snapshot && snapshot->position >= needed) {
      adopt(std::move(*snapshot));
      run_ = kReplayRunMax;
      co_return base::Status{};
    }
    // The one listed may have been removed for a newer one before it was read.
    co_await base::sleep_for(executor_, kReloadPause);
  }
  co_return base::fail(base::ErrorCode::kCorrupt,
                       object_name(kBoundaryPrefix, needed) +
                           ": expected an undamaged snapshot at or past this boundary, got none");
}

void LogReplica::adopt(LoadedSnapshot snapshot) {
  position_ = snapshot.position;
  state_ = std::move(snapshot.state);
  entries_since_snapshot_ = 0;
  bytes_since_snapshot_ = 0;
}

void LogReplica::note_snapshot(LogPosition position) {
  entries_since_snapshot_ = position < position_ ? position_ - position : 0;
  bytes_since_snapshot_ = 0;
}

}  // namespace thalweg::metadata
