// PolledFd: an owned, non-blocking file descriptor whose readiness can be awaited. It moves no
// bytes: callers use recv, sendmsg and accept4 on fd() themselves, so that an idle socket needs no
// buffer.
//
// Lives on one executor. Destroy it only when nothing waits on it: cancel() ends every wait with
// false.
#pragma once

#include <coroutine>
#include <memory>

#include "kafka_protocol/server/asio_executor.h"

namespace thalweg::server {

class PolledFd {
 public:
  // Takes ownership of `fd`, which must be a non-blocking socket. Own thread.
  PolledFd(AsioExecutor& executor, int fd);
  ~PolledFd();
  PolledFd(const PolledFd&) = delete;
  PolledFd& operator=(const PolledFd&) = delete;

  int fd() const { return fd_; }

  // co_await readable() / writable(): true once it is (or is in error: the next system call tells),
  // false if cancelled.
  auto readable() { return Wait{*this, false}; }
  auto writable() { return Wait{*this, true}; }
  // Ends the waits now, and every later one at once. The descriptor stays open.
  void cancel();

 private:
  struct Wait {
    PolledFd& polled;
    bool for_write;
    bool ready = false;
    bool await_ready() const { return polled.cancelled_; }
    void await_suspend(std::coroutine_handle<> handle) {
      polled.start_wait(for_write, handle, &ready);
    }
    bool await_resume() const { return ready; }
  };
  void start_wait(bool for_write, std::coroutine_handle<> handle, bool* ready);

  struct Descriptor;
  std::unique_ptr<Descriptor> descriptor_;
  int fd_;
  bool cancelled_ = false;
};

}  // namespace thalweg::server
