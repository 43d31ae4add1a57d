// SimExecutor: one simulated process's executor in virtual time. Callbacks run one at a time,
// ordered by (time, order of arrival), so a run is a pure function of its seed.
//
// A crash is: stop stepping, destroy the process's coroutines and objects, then destroy the
// executor; what is still queued is dropped unrun. Coroutines must not outlive the executor: some
// cancel timers as they die.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/task.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::sim {

// A run that needs more steps than this is taken to be livelocked.
inline constexpr uint64_t kStepsMax = 200'000'000;

class SimExecutor final : public base::Executor {
 public:
  explicit SimExecutor(base::TimePoint start = {}) : now_(start) {}
  SimExecutor(const SimExecutor&) = delete;
  SimExecutor& operator=(const SimExecutor&) = delete;
  ~SimExecutor() override;

  void post(base::Callback callback) override;
  base::TimerId run_after(base::Duration delay, base::Callback callback) override;
  bool cancel(base::TimerId timer) override;
  base::TimePoint now() override { return now_; }
  // Everything of a simulation runs on the one thread there is.
  bool is_current() const override { return true; }

  // Runs the next callback, moving time to it. False if nothing is queued or the run was stopped.
  bool step();
  // Steps until nothing is queued: timers included, so the virtual time jumps. Not with endless
  // timers.
  void run_until_idle();
  // Steps through everything due within `duration`, then moves time to its end.
  void run_for(base::Duration duration);
  // Steps until `done()`; false if the queue ran empty first.
  bool run_until(const std::function<bool()>& done);

  // Steps so far. A test counts a whole run first, then crashes it before each of its steps.
  uint64_t steps() const { return steps_; }
  // step() refuses once this many steps were made: the process stands still, about to be crashed.
  void stop_at_step(uint64_t step) { stop_at_ = step; }
  bool stopped() const { return steps_ >= stop_at_; }
  // Called before each step with its number.
  void on_step(std::function<void(uint64_t)> hook) { hook_ = std::move(hook); }

  bool idle() const { return posted_.empty() && queue_.empty(); }
  // When the next callback is due.
  std::optional<base::TimePoint> next_due() const;
  // Moves time forward to `time` (for worlds of several processes); nothing may be due before it.
  void advance_to(base::TimePoint time);
  // The same for a process that stood still: what was due meanwhile runs late.
  void wake_at(base::TimePoint time) { now_ = std::max(now_, time); }

 private:
  using Key = std::pair<base::TimePoint, uint64_t>;

  // Of all that is queued; nothing if there is none.
  std::optional<Key> next_key() const;
  base::Callback take(Key key);

  std::deque<std::pair<Key, base::Callback>> posted_;  // in order, as they come
  std::map<Key, base::Callback> queue_;                // timers
  std::map<base::TimerId, base::TimePoint> timers_;
  base::TimePoint now_;
  uint64_t sequence_ = 0;
  uint64_t steps_ = 0;
  uint64_t stop_at_ = UINT64_MAX;
  std::function<void(uint64_t)> hook_;
};

// Runs the simulation until `task` is done; its value, or nothing if the run was stopped or went
// idle first (the task's frame is then destroyed).
template <class T>
std::optional<T> try_run(SimExecutor& executor, base::Task<T> task) {
  base::TaskRunner<T> runner(std::move(task));
  while (!runner.done() && executor.step()) {
  }
  if (!runner.done()) return std::nullopt;
  return runner.take();
}
inline bool try_run(SimExecutor& executor, base::Task<void> task) {
  return try_run(executor, base::as_value(std::move(task))).has_value();
}

// The same where the task is expected to finish.
template <class T>
T run(SimExecutor& executor, base::Task<T> task) {
  if constexpr (std::is_void_v<T>) {
    CHECK(try_run(executor, std::move(task)));
  } else {
    auto result = try_run(executor, std::move(task));
    CHECK(result.has_value());
    return std::move(*result);
  }
}

}  // namespace thalweg::sim
