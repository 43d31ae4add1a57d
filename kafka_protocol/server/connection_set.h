// ConnectionSet: the connections of one core. It lives on that core's executor; only adopt()
// crosses to it, by post.
//
// ConnectionBudget is shared by all cores: how many connections there are against max.connections,
// and what they hold together.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kafka_protocol/server/connection.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {

class ConnectionBudget {
 public:
  explicit ConnectionBudget(size_t connections_max, size_t request_bytes_max = SIZE_MAX,
                            size_t response_bytes_max = SIZE_MAX)
      : requests(request_bytes_max), responses(response_bytes_max), max_(connections_max) {}
  // Takes one place, or counts a refusal. Any thread.
  bool take();
  void give_back() { open_.fetch_sub(1, std::memory_order_relaxed); }

  ByteBudget requests;   // large frames being received
  ByteBudget responses;  // queued, not yet taken by the kernel

  size_t open() const { return open_.load(std::memory_order_relaxed); }
  uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  size_t max_;
  std::atomic<size_t> open_{0};
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
};

class ConnectionSet {
 public:
  ConnectionSet(AsioExecutor& executor, RequestHandler& handler, const ConnectionLimits& limits,
                ConnectionBudget& budget);
  ConnectionSet(const ConnectionSet&) = delete;
  ConnectionSet& operator=(const ConnectionSet&) = delete;

  // Starts the sweep. Own thread, once.
  void start();
  // Serves the connected, non-blocking socket `fd`, whose place in the budget is taken, and gives
  // the place back at the end. After request_stop() it closes the socket at once. Own thread.
  void adopt(int fd, ConnectionInfo info);
  // Every connection reads no more and ends when what it began is answered; one whose client does
  // not take its answers ends after limits.drain_max. Own thread.
  void request_stop();
  base::Task<void> stop_and_join();

  AsioExecutor& executor() { return executor_; }

 private:
  base::Task<void> serve(int fd, ConnectionInfo info);
  base::Task<void> sweep();

  AsioExecutor& executor_;
  RequestHandler& handler_;
  const ConnectionLimits& limits_;
  ConnectionBudget& budget_;
  LogThrottle log_;
  base::TaskGroup group_;     // one task per connection
  base::TaskGroup sweeping_;  // ends after them: it alone ends what is stalled
  std::vector<Connection*> connections_;
};

}  // namespace thalweg::server
