// SimExecutor: one simulated process's executor in virtual time. Callbacks run one at a time,
// ordered by (time, order of arrival), so a run is a pure function of its seed.
//
// A crash is: stop stepping, destroy the process's coroutines and objects, then destroy the
// executor; what is still queued is dropped unrun. Coroutines must not outlive the executor: some
// cancel timers as they die.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/task.h"

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

  bool idle() const { return queue_.empty(); }
  // When the next callback is due.
  std::optional<base::TimePoint> next_due() const;
  // Moves time forward to `time` (for worlds of several processes); nothing may be due before it.
  void advance_to(base::TimePoint time);

 private:
  using Key = std::pair<base::TimePoint, uint64_t>;

  std::map<Key, base::Callback> queue_;
  std::map<base::TimerId, base::TimePoint> timers_;
  base::TimePoint now_;
  uint64_t sequence_ = 0;
  uint64_t steps_ = 0;
  uint64_t stop_at_ = UINT64_MAX;
  std::function<void(uint64_t)> hook_;
};

namespace sim_detail {
template <class T>
base::Task<void> run_into(base::Task<T> task, std::optional<T>* result) {
  result->emplace(co_await std::move(task));
}
inline base::Task<void> run_into(base::Task<void> task, bool* done) {
  co_await std::move(task);
  *done = true;
}
// A coroutine that starts at once and is destroyed with its holder.
struct Runner {
  struct promise_type {
    Runner get_return_object() {
      return Runner{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
  explicit Runner(std::coroutine_handle<promise_type> h) : handle(h) {}
  Runner(Runner&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  ~Runner() {
    if (handle) handle.destroy();
  }
};
inline Runner start(base::Task<void> task) { co_await std::move(task); }
}  // namespace sim_detail

// Runs the simulation until `task` is done; its value, or nothing if the run was stopped or went
// idle first (the task's frame is then destroyed).
template <class T>
std::optional<T> try_run(SimExecutor& executor, base::Task<T> task) {
  std::optional<T> result;
  const auto runner = sim_detail::start(sim_detail::run_into(std::move(task), &result));
  runner.handle.resume();
  while (!result.has_value() && executor.step()) {
  }
  return result;
}
inline bool try_run(SimExecutor& executor, base::Task<void> task) {
  bool done = false;
  const auto runner = sim_detail::start(sim_detail::run_into(std::move(task), &done));
  runner.handle.resume();
  while (!done && executor.step()) {
  }
  return done;
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
