#include "kafka_protocol/server/connection_set.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace thalweg::server {

bool ConnectionBudget::take() {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= max_) {
    give_back();
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  accepted_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

ConnectionSet::ConnectionSet(AsioExecutor& executor, RequestHandler& handler,
                             const ConnectionLimits& limits, ConnectionBudget& budget)
    : executor_(executor),
      handler_(handler),
      limits_(limits),
      budget_(budget),
      log_(executor),
      group_(executor),
      sweeping_(executor) {}

void ConnectionSet::start() { sweeping_.spawn(sweep()); }

void ConnectionSet::adopt(int fd, ConnectionInfo info) {
  if (group_.stopping()) {
    ::close(fd);
    budget_.give_back();
    return;
  }
  group_.spawn(serve(fd, std::move(info)));
}

base::Task<void> ConnectionSet::serve(int fd, ConnectionInfo info) {
  {
    Connection connection({executor_, handler_, limits_, log_, budget_.requests, budget_.responses},
                          fd, std::move(info));
    connections_.push_back(&connection);
    co_await connection.run();
    std::erase(connections_, &connection);
  }
  budget_.give_back();
}

base::Task<void> ConnectionSet::sweep() {
  while (co_await sweeping_.sleep_for(limits_.sweep_interval)) {
    const base::TimePoint now = executor_.now();
    for (Connection* connection : connections_) connection->sweep(now);
  }
}

void ConnectionSet::request_stop() {
  if (group_.stopping()) return;
  group_.request_stop();
  const base::TimePoint deadline = executor_.now() + limits_.drain_max;
  for (Connection* connection : connections_) connection->drain_until(deadline);
}

base::Task<void> ConnectionSet::stop_and_join() {
  request_stop();
  co_await group_.stop_and_join();
  co_await sweeping_.stop_and_join();
}

}  // namespace thalweg::server
