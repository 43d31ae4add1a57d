// Listener: the listening sockets of one name, and their accept loop.
//
// Opened by main before anything else starts, so that clients queue in the kernel while the store
// recovers; start() then runs the loop on the home core. A wildcard and `localhost` listen on IPv4
// and IPv6: clients resolve localhost to ::1 first (kafka-protocol B9).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka_protocol/server/endpoint.h"
#include "kafka_protocol/server/polled_fd.h"
#include "kafka_protocol/server/request_handler.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {

struct ListenerOptions {
  std::string name = "PLAINTEXT";
  Endpoint bind = {};  // port 0 = any free one, the same for both families
  // Without one, clients are told the bound host, or for a wildcard the address they reached.
  std::optional<Endpoint> advertised = {};
  int send_buffer_bytes = -1;     // socket.send.buffer.bytes; -1 = the kernel decides
  int receive_buffer_bytes = -1;  // socket.receive.buffer.bytes
};

class Listener {
 public:
  // Binds and listens. kInvalidArgument: no such address; kUnavailable: it cannot be bound, and
  // why.
  static base::Result<std::unique_ptr<Listener>> open(ListenerOptions options);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const ListenerOptions& options() const { return options_; }
  // What is really listened on, one per socket.
  const std::vector<Endpoint>& addresses() const { return addresses_; }
  uint16_t port() const { return addresses_.front().port; }

  // Takes a connected, non-blocking socket, which is its own from then on. On the home core.
  using Adopt = std::function<void(int fd, ConnectionInfo info)>;
  // Starts accepting. On the home core's thread, once.
  void start(AsioExecutor& home, Adopt adopt);
  // Stops accepting and closes the listening sockets.
  base::Task<void> stop_and_join();

 private:
  explicit Listener(ListenerOptions options) : options_(std::move(options)) {}
  base::Status open_sockets();
  base::Result<bool> open_socket(const sockaddr_storage& address, size_t length, uint16_t port);
  base::Task<void> accept_clients(PolledFd& socket);
  bool accept_one(const PolledFd& socket);
  void tune(int fd) const;
  ConnectionInfo describe(int fd, const sockaddr_storage& peer) const;

  ListenerOptions options_;
  std::vector<int> fds_;  // until start()
  std::vector<Endpoint> addresses_;
  Adopt adopt_;
  std::vector<std::unique_ptr<PolledFd>> sockets_;
  std::optional<base::TaskGroup> group_;
};

}  // namespace thalweg::server
