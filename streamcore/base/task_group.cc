#include "streamcore/base/task_group.h"

#include <exception>

namespace thalweg::base {

// The coroutine around a spawned task: it starts when the group resumes it, is linked into the
// group while it lives, and frees itself at the end.
struct Root {
  using promise_type = RootPromise;
  std::coroutine_handle<RootPromise> handle;
};

struct RootPromise {
  TaskGroup& group;
  RootPromise* previous = nullptr;
  RootPromise* next;

  RootPromise(TaskGroup& g, Task<void>&) : group(g), next(g.roots_) {
    if (next != nullptr) next->previous = this;
    group.roots_ = this;
    ++group.size_;
  }
  RootPromise(const RootPromise&) = delete;
  RootPromise& operator=(const RootPromise&) = delete;
  ~RootPromise() {
    (previous == nullptr ? group.roots_ : previous->next) = next;
    if (next != nullptr) next->previous = previous;
    if (--group.size_ == 0) group.empty_.set();
  }

  Root get_return_object() { return {std::coroutine_handle<RootPromise>::from_promise(*this)}; }
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_never final_suspend() noexcept { return {}; }
  void return_void() {}
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

namespace {
Root run(TaskGroup&, Task<void> task) { co_await std::move(task); }
}  // namespace

void TaskGroup::spawn(Task<void> task) {
  empty_.reset();
  run(*this, std::move(task)).handle.resume();
}

TaskGroup::~TaskGroup() {
  while (roots_ != nullptr) std::coroutine_handle<RootPromise>::from_promise(*roots_).destroy();
}

Task<bool> TaskGroup::sleep_for(Duration delay) {
  if (stopping()) co_return false;
  // Before the timer is set: it must not fire earlier than `end`, as nothing would wake this again.
  const TimePoint end = executor_.now() + delay;
  const TimerId timer = executor_.run_after(delay, [this] { sleepers_.notify_all(); });
  // Every sleeper of the group wakes at each timer or stop; each looks at its own end.
  struct CancelTimer {
    Executor& executor;
    TimerId timer;
    ~CancelTimer() { executor.cancel(timer); }
  } cancel{executor_, timer};
  while (!stopping() && executor_.now() < end) co_await sleepers_.wait();
  co_return !stopping();
}

void TaskGroup::request_stop() {
  stop_.set();
  sleepers_.notify_all();
}

Task<void> TaskGroup::stop_and_join() {
  request_stop();
  while (size_ != 0) {
    empty_.reset();
    co_await empty_.wait();
  }
}

}  // namespace thalweg::base
