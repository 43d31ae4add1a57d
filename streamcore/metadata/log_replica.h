// LogReplica: one node's copy of the state, and how far along the log it is. It reads slot after
// slot, lists the boundaries after each read (log_boundary.h), and applies what it read only if no
// boundary is at or past it; otherwise it starts again from the newest undamaged snapshot.
//
// Only one coroutine moves it at a time (the store's loop); between two of its awaits position()
// and state() agree.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/metadata/log_boundary.h"
#include "streamcore/metadata/log_entry_format.h"
#include "streamcore/metadata/ordered_state.h"
#include "streamcore/metadata/snapshot_store.h"

namespace thalweg::metadata {

// Slots fetched at once while there is a way to go; a node at the end of the log fetches one.
inline constexpr size_t kReplayRunMax = 16;

class LogReplica {
 public:
  LogReplica(base::Executor& executor, object_store::ObjectStore& store, LogBoundary& boundary,
             SnapshotStore& snapshots, uint64_t incarnation_slots);

  // The newest undamaged snapshot, if any, and the log after it. kCorrupt names the object that is
  // damaged: a log entry is never skipped, and without a good snapshot at or past the boundary the
  // state cannot be known.
  base::Task<base::Status> open();
  // Reads on. True if it came to an empty slot that no boundary had reached, so that the state
  // holds every transaction acknowledged before the call. Errors as open(); after kUnavailable the
  // call may be repeated.
  base::Task<base::Result<bool>> advance();
  // Applies an entry this node created in the slot after position(), once the boundaries allow it.
  // `bytes` as encoded.
  void apply_next(const LogEntry& entry, size_t bytes);
  // Replaces the state by a snapshot at or past the boundary, which has passed position().
  base::Task<base::Status> reload();

  LogPosition position() const { return position_; }
  uint64_t incarnation_slots() const { return incarnation_slots_; }
  const OrderedState& state() const { return *state_; }
  // Shared with a snapshot being written, which goes on reading this state after a reload replaced
  // it here.
  const std::shared_ptr<OrderedState>& shared_state() const { return state_; }

  // Log read or written since the last snapshot this node knows of.
  uint64_t entries_since_snapshot() const { return entries_since_snapshot_; }
  uint64_t bytes_since_snapshot() const { return bytes_since_snapshot_; }
  // There is a good snapshot at `position`; log that came since counts from now on in bytes.
  void note_snapshot(LogPosition position);

 private:
  using Fetched = std::optional<base::Result<base::Slice>>;
  base::Task<void> fetch(LogPosition slot, Fetched& into);
  base::Task<std::vector<Fetched>> fetch_run(size_t slots);
  // False if it stopped before an entry that looks damaged and is to be read once more.
  base::Task<base::Result<bool>> apply_run(const std::vector<Fetched>& run, size_t entries);
  void adopt(LoadedSnapshot snapshot);

  base::Executor& executor_;
  object_store::ObjectStore& store_;
  LogBoundary& boundary_;
  SnapshotStore& snapshots_;
  const uint64_t incarnation_slots_;
  LogPosition position_;
  std::shared_ptr<OrderedState> state_;
  LogPosition damaged_;  // the last slot whose entry looked damaged, and how often it did
  int damaged_looks_ = 0;
  size_t run_ = 1;
  uint64_t entries_since_snapshot_ = 0;
  uint64_t bytes_since_snapshot_ = 0;
};

}  // namespace thalweg::metadata
