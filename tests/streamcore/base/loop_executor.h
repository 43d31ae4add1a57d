// LoopExecutor: a real-time Executor for tests: a queue and timers under a mutex, run by the thread
// that calls run().
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "streamcore/base/executor.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::base {

class LoopExecutor final : public Executor {
 public:
  void post(Callback callback) override {
    {
      const std::lock_guard lock(mutex_);
      queue_.emplace(Key{TimePoint::min(), ++sequence_}, std::move(callback));
    }
    wake_.notify_one();
  }
  TimerId run_after(Duration delay, Callback callback) override {
    const std::lock_guard lock(mutex_);
    const TimePoint due = now() + delay;
    const TimerId timer = ++sequence_;
    timers_.emplace(timer, due);
    queue_.emplace(Key{due, timer}, std::move(callback));
    return timer;
  }
  bool cancel(TimerId timer) override {
    const std::lock_guard lock(mutex_);
    const auto it = timers_.find(timer);
    if (it == timers_.end()) return false;
    queue_.erase(Key{it->second, timer});
    timers_.erase(it);
    return true;
  }
  TimePoint now() override { return monotonic_now(); }
  bool is_current() const override { return std::this_thread::get_id() == thread_; }

  // Runs callbacks on this thread until `task` is done; its value.
  template <class T>
  T run(Task<T> task) {
    if constexpr (std::is_void_v<T>) {
      run(as_value(std::move(task)));
    } else {
      TaskRunner<T> runner(std::move(task));
      while (!runner.done()) run_one();
      return runner.take();
    }
  }
  // Waits for the next callback and runs it.
  void run_one() {
    Callback callback;
    {
      std::unique_lock lock(mutex_);
      while (queue_.empty() || queue_.begin()->first.first > now()) {
        if (queue_.empty()) {
          wake_.wait(lock);
        } else {
          wake_.wait_until(lock, queue_.begin()->first.first);
        }
      }
      auto next = queue_.extract(queue_.begin());
      timers_.erase(next.key().second);
      callback = std::move(next.mapped());
    }
    callback();
  }

 private:
  using Key = std::pair<TimePoint, uint64_t>;

  const std::thread::id thread_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Key, Callback> queue_;
  std::map<TimerId, TimePoint> timers_;
  uint64_t sequence_ = 0;
};

}  // namespace thalweg::base
