// StartedTask<T>: a coroutine that runs on one executor from the moment it is called and is
// awaited, once, from another: one crossing when it ends, none to begin it.
//
// It begins where it is called and may end anywhere. The awaiter is resumed on the executor it
// names, at once if that is where the task ended. Destroying a StartedTask that has not ended
// destroys the task's frame: only a simulated crash may do so.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "streamcore/base/executor.h"

namespace thalweg::base {

template <class T>
class [[nodiscard]] StartedTask {
  struct Waiter {
    std::coroutine_handle<> handle;
    Executor* executor = nullptr;
  };

  struct Promise {
    std::optional<T> value;
    // Null while it runs and nobody waits, this promise's own address once it has ended.
    std::atomic<void*> state{nullptr};

    // The frame may be gone as soon as the state says that it has ended: nothing of it is touched
    // after that.
    struct Ending {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
        Promise& promise = handle.promise();
        void* const waiting = promise.state.exchange(&promise, std::memory_order_acq_rel);
        if (waiting == nullptr) return std::noop_coroutine();
        const Waiter waiter = *static_cast<Waiter*>(waiting);
        if (waiter.executor->is_current()) return waiter.handle;
        waiter.executor->post([handle = waiter.handle] { handle.resume(); });
        return std::noop_coroutine();
      }
      void await_resume() const noexcept {}
    };

    StartedTask get_return_object() {
      return StartedTask(std::coroutine_handle<Promise>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    Ending final_suspend() noexcept { return {}; }
    void return_value(T&& result) { value.emplace(std::move(result)); }
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };

 public:
  using promise_type = Promise;

  StartedTask(StartedTask&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  StartedTask& operator=(StartedTask&&) = delete;
  ~StartedTask() {
    if (handle_) handle_.destroy();
  }

  // co_await task.on(executor): its value, there. The caller is on `executor` already.
  auto on(Executor& executor) {
    struct Awaiter {
      Promise& promise;
      Waiter waiter;
      bool await_ready() const { return promise.state.load(std::memory_order_acquire) == &promise; }
      bool await_suspend(std::coroutine_handle<> handle) {
        waiter.handle = handle;
        void* running = nullptr;
        return promise.state.compare_exchange_strong(running, &waiter, std::memory_order_acq_rel);
      }
      T await_resume() { return std::move(*promise.value); }
    };
    return Awaiter{handle_.promise(), {.handle = {}, .executor = &executor}};
  }

 private:
  explicit StartedTask(std::coroutine_handle<Promise> handle) : handle_(handle) {}
  std::coroutine_handle<Promise> handle_;
};

}  // namespace thalweg::base
