// TaskRunner: drives one Task from outside coroutines, for tests. It starts the task at once and
// destroys its frame with itself, finished or not.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "streamcore/base/task.h"

namespace thalweg::base {

template <class T>
class TaskRunner {
 public:
  explicit TaskRunner(Task<T> task) : root_(start(std::move(task), this)) { root_.handle.resume(); }
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;
  ~TaskRunner() { root_.handle.destroy(); }

  bool done() const { return value_.has_value(); }
  T take() { return std::move(*value_); }

 private:
  struct Root {
    struct promise_type {
      Root get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() {}
      [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
  };
  static Root start(Task<T> task, TaskRunner* runner) {
    runner->value_.emplace(co_await std::move(task));
  }

  std::optional<T> value_;
  Root root_;
};

// A Task<void> as one with a value, so that runners need no second form.
inline Task<bool> as_value(Task<void> task) {
  co_await std::move(task);
  co_return true;
}

}  // namespace thalweg::base
