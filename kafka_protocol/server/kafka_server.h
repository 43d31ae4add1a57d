// KafkaServer: the listeners and the connections of all cores, as one thing to start and stop.
//
// Owned by main and driven from its thread, never from a core's. Destroy it after stop(), before
// the Cores.
#pragma once

#include <memory>
#include <vector>

#include "kafka_protocol/server/connection_set.h"
#include "kafka_protocol/server/cores.h"
#include "kafka_protocol/server/listener.h"

namespace thalweg::server {

struct ServerOptions {
  ConnectionLimits limits;
  size_t connections_max = 1 << 20;             // max.connections
  size_t request_bytes_max = size_t{1} << 30;   // thalweg.request.memory.bytes
  size_t response_bytes_max = size_t{1} << 29;  // thalweg.response.memory.bytes
};

// The next core to get a client. Home core.
class CoreRotation {
 public:
  explicit CoreRotation(std::vector<std::unique_ptr<ConnectionSet>>& cores) : cores_(cores) {}
  ConnectionSet& next() { return *cores_[turn_++ % cores_.size()]; }

 private:
  std::vector<std::unique_ptr<ConnectionSet>>& cores_;
  size_t turn_ = 0;
};

class KafkaServer {
 public:
  KafkaServer(Cores& cores, RequestHandler& handler, ServerOptions options,
              std::vector<std::unique_ptr<Listener>> listeners);
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;

  // Starts accepting. The cores must run.
  void start();
  // Stops accepting, tells the handler, lets every connection finish and answer what it began, and
  // closes them. Blocks for at most `limit`; false if requests were still unfinished then: the
  // process must then end without clean-up.
  [[nodiscard]] bool stop(base::Duration limit);

  // Counts, from any thread.
  const ConnectionBudget& connections() const { return budget_; }
  const std::vector<std::unique_ptr<Listener>>& listeners() const { return listeners_; }

 private:
  void adopt(int fd, ConnectionInfo info);
  base::Task<void> stop_all(base::Callback done);

  Cores& cores_;
  RequestHandler& handler_;
  ServerOptions options_;
  ConnectionBudget budget_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<ConnectionSet>> sets_;
  CoreRotation rotation_{sets_};
  base::TaskGroup stopping_;
  bool running_ = false;
};

}  // namespace thalweg::server
