// FdPoller: tells coroutines of one executor when a file descriptor can be read. The event loop's
// owner implements it (kafka_protocol/server); who has many descriptors shows it one epoll.
#pragma once

#include <functional>
#include <memory>

namespace thalweg::base {

class FdPoller {
 public:
  // Destroying it ends the watch: its callback does not run any more. The descriptor stays open.
  class Watch {
   public:
    virtual ~Watch() = default;
  };

  virtual ~FdPoller() = default;
  // Runs `callback` whenever `fd` is readable and the loop comes round, as long as the watch lives.
  // The descriptor outlives it. The executor's own thread.
  virtual std::unique_ptr<Watch> watch_readable(int fd, std::function<void()> callback) = 0;
};

}  // namespace thalweg::base
