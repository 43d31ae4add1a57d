// TaskGroup: the owner of coroutines that nobody awaits. Spawn only here; stop_and_join() asks them
// to end and waits. Destroying a group destroys the frames still in it (a simulated crash); a real
// shutdown joins first.
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>

#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"

namespace thalweg::base {

struct RootPromise;

class TaskGroup {
 public:
  explicit TaskGroup(Executor& executor)
      : executor_(executor), stop_(executor), empty_(executor), sleepers_(executor) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  // Starts the task now, on the caller's stack, up to its first suspension.
  void spawn(Task<void> task);

  bool stopping() const { return stop_.is_set(); }
  // Set when stop was asked for: loops wait on this or look at stopping().
  Event& stop_event() { return stop_; }
  void request_stop();
  // Sleeps for `delay`, or less if stop is asked for. True if the group goes on.
  Task<bool> sleep_for(Duration delay);
  Task<void> stop_and_join();
  size_t size() const { return size_; }

 private:
  friend struct RootPromise;

  Executor& executor_;
  Event stop_;
  Event empty_;
  Notifier sleepers_;
  RootPromise* roots_ = nullptr;
  size_t size_ = 0;
};

// Runs both at the same time and waits for both. The error of the first if it has one, otherwise
// that of the second.
inline Task<void> keep_outcome(Task<Status> task, Status& into) { into = co_await std::move(task); }
inline Task<Status> side_by_side(Executor& executor, Task<Status> first, Task<Status> second) {
  Status one;
  TaskGroup group(executor);
  group.spawn(keep_outcome(std::move(first), one));
  const Status other = co_await std::move(second);
  co_await group.stop_and_join();
  co_return one ? other : one;
}

}  // namespace thalweg::base
