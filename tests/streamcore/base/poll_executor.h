// PollExecutor: a real-time Executor and FdPoller for tests of network code, on one thread: a
// queue, timers and poll(2), run by whoever calls run_one().
#pragma once

#include <poll.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/fd_poller.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::base {

class PollExecutor final : public Executor, public FdPoller {
 public:
  void post(Callback callback) override { queue_.push_back(std::move(callback)); }
  TimerId run_after(Duration delay, Callback callback) override {
    timers_.emplace(std::pair(now() + delay, ++last_id_), std::move(callback));
    return last_id_;
  }
  bool cancel(TimerId timer) override {
    return std::erase_if(timers_, [&](const auto& one) { return one.first.second == timer; }) > 0;
  }
  TimePoint now() override { return monotonic_now(); }
  bool is_current() const override { return true; }

  std::unique_ptr<Watch> watch_readable(int fd, std::function<void()> callback) override {
    watched_.emplace(++last_id_, Watched{fd, std::move(callback)});
    return std::make_unique<PollWatch>(*this, last_id_);
  }

  // Runs what was posted, else what is due, else waits for one of the two or a descriptor.
  void run_one() {
    if (!queue_.empty()) {
      Callback callback = std::move(queue_.front());
      queue_.pop_front();
      return callback();
    }
    if (!timers_.empty() && timers_.begin()->first.first <= now()) {
      return timers_.extract(timers_.begin()).mapped()();
    }
    wait();
  }
  template <class T>
  T run(Task<T> task) {
    TaskRunner<T> runner(std::move(task));
    while (!runner.done()) run_one();
    return runner.take();
  }

 private:
  struct Watched {
    int fd;
    std::function<void()> callback;
  };
  class PollWatch final : public Watch {
   public:
    PollWatch(PollExecutor& executor, uint64_t id) : executor_(executor), id_(id) {}
    ~PollWatch() override { executor_.watched_.erase(id_); }

   private:
    PollExecutor& executor_;
    uint64_t id_;
  };

  void wait() {
    std::vector<pollfd> polled;
    std::vector<uint64_t> ids;
    for (const auto& [id, watched] : watched_) {
      polled.push_back({.fd = watched.fd, .events = POLLIN, .revents = 0});
      ids.push_back(id);
    }
    int timeout_ms = -1;
    if (!timers_.empty()) {
      const auto left = timers_.begin()->first.first - now();
      timeout_ms = static_cast<int>(
          std::chrono::ceil<std::chrono::milliseconds>(std::max(left, Duration(0))).count());
    }
    ::poll(polled.data(), polled.size(), timeout_ms);
    for (size_t i = 0; i < polled.size(); ++i) {
      const auto at = watched_.find(ids[i]);
      if (polled[i].revents == 0 || at == watched_.end()) continue;
      const auto callback = at->second.callback;  // it may end its own watch
      callback();
    }
  }

  std::deque<Callback> queue_;
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  std::map<uint64_t, Watched> watched_;
  TimerId last_id_ = 0;
};

}  // namespace thalweg::base
