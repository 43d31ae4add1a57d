// LoopPoller: the base::FdPoller of an AsioExecutor.
#pragma once

#include "kafka_protocol/server/asio_executor.h"
#include "streamcore/base/fd_poller.h"

namespace thalweg::server {

class LoopPoller final : public base::FdPoller {
 public:
  explicit LoopPoller(AsioExecutor& executor) : executor_(executor) {}

  // The watch may also go once the executor has stopped, on any thread.
  std::unique_ptr<Watch> watch_readable(int fd, std::function<void()> callback) override;

 private:
  AsioExecutor& executor_;
};

}  // namespace thalweg::server
