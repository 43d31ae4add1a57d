// Executor: the one thread a set of coroutines runs on, its timers and its monotonic clock.
//
// The real one (kafka_protocol/server) wraps an event loop and is the only crossing between
// threads: post() may be called from any thread, everything else only from the executor's own. The
// simulator's (tests/sim) is a queue in virtual time; destroying it drops every callback unrun,
// which is how a crash looks.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>

namespace thalweg::base {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using Callback = std::move_only_function<void()>;
using TimerId = uint64_t;  // never 0

// The machine's monotonic clock, for executors that run in real time; everything else asks its
// executor.
TimePoint monotonic_now();

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `callback` later on this executor, in the order of the posts of one thread. Any thread.
  virtual void post(Callback callback) = 0;
  // Runs `callback` once `delay` has passed, unless cancelled. Own thread.
  virtual TimerId run_after(Duration delay, Callback callback) = 0;
  // True if the callback will now never run. Own thread.
  virtual bool cancel(TimerId timer) = 0;
  virtual TimePoint now() = 0;
  // True on the executor's own thread.
  virtual bool is_current() const = 0;
};

// co_await switch_to(executor): go on there; at once if this is already its thread.
inline auto switch_to(Executor& executor) {
  struct Awaiter {
    Executor& executor;
    bool await_ready() const { return executor.is_current(); }
    void await_suspend(std::coroutine_handle<> handle) {
      executor.post([handle] { handle.resume(); });
    }
    void await_resume() const {}
  };
  return Awaiter{executor};
}

// co_await yield(executor): let everything posted before run first.
inline auto yield(Executor& executor) {
  struct Awaiter {
    Executor& executor;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      executor.post([handle] { handle.resume(); });
    }
    void await_resume() const {}
  };
  return Awaiter{executor};
}

// co_await sleep_for(executor, delay). The frame may be destroyed while it sleeps.
inline auto sleep_for(Executor& executor, Duration delay) {
  struct Awaiter {
    Executor& executor;
    Duration delay;
    TimerId timer = 0;
    ~Awaiter() {
      if (timer != 0) executor.cancel(timer);
    }
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      timer = executor.run_after(delay, [this, handle] {
        timer = 0;
        handle.resume();
      });
    }
    void await_resume() const {}
  };
  return Awaiter{executor, delay};
}

}  // namespace thalweg::base
