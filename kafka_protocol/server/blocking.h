// run_blocking: waits on a plain thread for a coroutine on a core. For main, before and after
// serving; never on a core.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "kafka_protocol/server/asio_executor.h"
#include "streamcore/base/check.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {

namespace blocking_detail {

template <class T>
struct Run {
  explicit Run(AsioExecutor& e) : executor(e), group(e) {}

  AsioExecutor& executor;
  base::TaskGroup group;
  std::optional<T> value;
  // Shared: the waiter may free its end while set_value() is still returning.
  std::shared_ptr<std::promise<void>> done = std::make_shared<std::promise<void>>();
};

template <class T>
base::Task<void> carry(Run<T>& run, base::Task<T> task) {
  run.value.emplace(co_await std::move(task));
  co_await base::switch_to(run.executor);
  // Posted, so that this frame is gone when the waiter frees `run`.
  run.executor.post([done = run.done] { done->set_value(); });
}

}  // namespace blocking_detail

// Runs `task` on `executor`, which must be running, and returns its value.
template <class T>
T run_blocking(AsioExecutor& executor, base::Task<T> task) {
  CHECK(!executor.is_current());
  blocking_detail::Run<T> run(executor);
  executor.post([&] { run.group.spawn(blocking_detail::carry(run, std::move(task))); });
  run.done->get_future().wait();
  return std::move(*run.value);
}

}  // namespace thalweg::server
