// MetricsServer: answers GET /metrics over HTTP/1.1 with a page of numbers. One request a
// connection, one short answer, closed. It has no secrets to keep and takes nothing in.
//
// Lives on the home core. Few ask it, and at most kMetricsClientsMax at once: more are closed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kafka_protocol/server/listener.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {

inline constexpr size_t kMetricsClientsMax = 8;
inline constexpr size_t kMetricsRequestBytesMax = 4096;
inline constexpr base::Duration kMetricsTimeMax = std::chrono::seconds(5);  // of a connection

class MetricsServer {
 public:
  // Writes the page. On the home core.
  using Page = std::function<std::string()>;

  MetricsServer(AsioExecutor& home, std::unique_ptr<Listener> listener, Page page)
      : home_(home), listener_(std::move(listener)), page_(std::move(page)), clients_(home) {}

  // On the home core, each once; destroy it after stop_and_join().
  void start();
  base::Task<void> stop_and_join();

 private:
  void adopt(int fd);
  base::Task<void> serve(int fd);
  base::Task<std::string> read_head(PolledFd& socket);
  base::Task<void> write(PolledFd& socket, std::string answer);
  std::string answer(std::string_view head) const;

  AsioExecutor& home_;
  std::unique_ptr<Listener> listener_;
  Page page_;
  base::TaskGroup clients_;
  std::vector<PolledFd*> sockets_;  // of clients_
};

}  // namespace thalweg::server
