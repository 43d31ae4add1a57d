// SnapshotStore: the snapshots of the metadata log in the object store: written in the background,
// read back before they count, loaded at opening and when the log was deleted under a node that
// fell behind.
//
// A snapshot is verified once its bytes were read back and checked; one that is damaged is reported
// and passed over, and never overwritten: the next one is written at a later position.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/task_group.h"
#include "streamcore/metadata/log_objects.h"
#include "streamcore/metadata/ordered_state.h"

namespace thalweg::metadata {

struct LoadedSnapshot {
  LogPosition position;
  std::shared_ptr<OrderedState> state;
};

class SnapshotStore {
 public:
  SnapshotStore(base::Executor& executor, object_store::ObjectStore& store)
      : executor_(executor), store_(store) {}

  // The newest undamaged snapshot past `past`, or nothing if there is none now. One removed while
  // it is read is passed over like a damaged one: whoever needs a snapshot asks again. Errors of
  // the store.
  base::Task<base::Result<std::optional<LoadedSnapshot>>> load_newest(LogPosition past);
  // Writes the state as it is when the Task starts, reads it back and checks it; true if the
  // snapshot is good. The state is shared because a reload may replace it while this reads the old
  // one. kClosed if `group` stops first; errors of the store.
  base::Task<base::Result<bool>> write(LogPosition position, std::shared_ptr<OrderedState> state,
                                       base::TaskGroup& group);
  // The two newest verified snapshots, the newest first; fewer if there are no more.
  base::Task<base::Result<std::vector<LogPosition>>> newest_two_verified();
  // Removes snapshots before `position`.
  base::Task<base::Status> remove_before(LogPosition position);

 private:
  base::Task<base::Status> load(LogPosition position, OrderedState& into);
  // Reads the object back; false, with a warning, if it is damaged or missing.
  base::Task<base::Result<bool>> verify(LogPosition position);
  base::Task<base::Status> read_back(LogPosition position);

  base::Executor& executor_;
  object_store::ObjectStore& store_;
  std::set<LogPosition> verified_;
};

}  // namespace thalweg::metadata
