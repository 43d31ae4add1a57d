#include "kafka_protocol/server/kafka_server.h"

#include <unistd.h>

#include <future>
#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::server {

KafkaServer::KafkaServer(Cores& cores, RequestHandler& handler, ServerOptions options,
                         std::vector<std::unique_ptr<Listener>> listeners)
    : cores_(cores),
      handler_(handler),
      options_(options),
      budget_(options.connections_max, options.request_bytes_max, options.response_bytes_max),
      listeners_(std::move(listeners)),
      stopping_(cores.home()) {
  for (size_t i = 0; i < cores.size(); ++i) {
    sets_.push_back(
        std::make_unique<ConnectionSet>(cores.at(i), handler, options_.limits, budget_));
  }
}

KafkaServer::~KafkaServer() { CHECK_MSG(!running_, "stop() comes before destruction"); }

void KafkaServer::start() {
  running_ = true;
  for (auto& set : sets_) set->executor().post([&set] { set->start(); });
  cores_.home().post([this] {
    for (auto& listener : listeners_) {
      listener->start(cores_.home(),
                      [this](int fd, ConnectionInfo info) { adopt(fd, std::move(info)); });
    }
  });
}

void KafkaServer::adopt(int fd, ConnectionInfo info) {
  if (!budget_.take()) {
    ::close(fd);
    return;
  }
  ConnectionSet& core = rotation_.next();
  core.executor().post(
      [&core, fd, info = std::move(info)]() mutable { core.adopt(fd, std::move(info)); });
}

bool KafkaServer::stop(base::Duration limit) {
  if (!running_) return true;
  auto done =
      std::make_shared<std::promise<void>>();  // shared: stop() may give up before the drain ends
  auto future = done->get_future();
  cores_.home().post([this, done] { stopping_.spawn(stop_all([done] { done->set_value(); })); });
  if (future.wait_for(limit) != std::future_status::ready) return false;
  running_ = false;
  return true;
}

base::Task<void> KafkaServer::stop_all(base::Callback done) {
  for (auto& listener : listeners_) co_await listener->stop_and_join();
  handler_.request_stop();
  // Posted after the last adopt(), hence seen after it.
  for (auto& set : sets_) set->executor().post([&set] { set->request_stop(); });
  for (auto& set : sets_) {
    co_await base::switch_to(set->executor());
    co_await set->stop_and_join();
  }
  co_await base::switch_to(cores_.home());
  // After this frame is gone, so that nothing of the server runs once stop() returned.
  cores_.home().post(std::move(done));
}

}  // namespace thalweg::server
