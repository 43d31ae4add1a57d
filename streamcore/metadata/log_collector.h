// LogCollector: deletes the part of the log that snapshots replaced. It keeps no memory of its own:
// what it may delete follows from what is in the store, so any number of nodes may collect, stop
// and start again.
//
// Order: two snapshots verified -> the boundary at the older one made durable -> entries at or
// below it deleted, and snapshots before the older one. A reader that lists the boundary therefore
// always finds a good snapshot at or past it, even if the newest is damaged later.
#pragma once

#include "streamcore/base/task_group.h"
#include "streamcore/metadata/log_boundary.h"
#include "streamcore/metadata/snapshot_store.h"

namespace thalweg::metadata {

class LogCollector {
 public:
  LogCollector(object_store::ObjectStore& store, SnapshotStore& snapshots, LogBoundary& boundary)
      : store_(store), snapshots_(snapshots), boundary_(boundary) {}

  // Collects what may go now, or until `group` stops. Errors of the store; what is left is
  // collected the next time.
  base::Task<base::Status> collect(base::TaskGroup& group);

 private:
  base::Task<base::Status> remove_entries(LogPosition last, base::TaskGroup& group);

  object_store::ObjectStore& store_;
  SnapshotStore& snapshots_;
  LogBoundary& boundary_;
};

}  // namespace thalweg::metadata
