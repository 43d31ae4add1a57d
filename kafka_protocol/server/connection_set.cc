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
      group_(executor) {}

void ConnectionSet::start() { group_.spawn(sweep()); }

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
    Connection connection({executor_, handler_, limits_, log_}, fd, std::move(info));
    connections_.push_back(&connection);
    co_await connection.run();
    std::erase(connections_, &connection);
  }
  budget_.give_back();
}

base::Task<void> ConnectionSet::sweep() {
  while (co_await group_.sleep_for(limits_.sweep_interval)) {
    const base::TimePoint now = executor_.now();
    for (Connection* connection : connections_) connection->sweep(now);
  }
}

void ConnectionSet::request_stop() {
  group_.request_stop();
  for (Connection* connection : connections_) connection->request_stop();
}

base::Task<void> ConnectionSet::stop_and_join() {
  request_stop();
  co_await group_.stop_and_join();
}

}  // namespace thalweg::server
