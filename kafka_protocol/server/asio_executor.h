// AsioExecutor: the real base::Executor, one boost::asio::io_context(1) run by one thread.
//
// One turn of its loop runs what its own thread posted, then the mail of other threads, then the
// timers that are due, then polls the kernel. Asio stays behind this class and PolledFd. Callbacks
// still queued when it is destroyed are dropped unrun; a real shutdown joins everything first.
#pragma once

#include <memory>

#include "streamcore/base/executor.h"

namespace thalweg::server {

class AsioExecutor final : public base::Executor {
 public:
  AsioExecutor();
  ~AsioExecutor() override;
  AsioExecutor(const AsioExecutor&) = delete;
  AsioExecutor& operator=(const AsioExecutor&) = delete;

  // Makes the calling thread this executor's until stop(). Once.
  void run();
  // run() returns after the turn it is in. Any thread.
  void stop();

  void post(base::Callback callback) override;
  base::TimerId run_after(base::Duration delay, base::Callback callback) override;
  bool cancel(base::TimerId timer) override;
  base::TimePoint now() override;
  bool is_current() const override;

  struct Loop;  // the event loop, for PolledFd
  Loop& loop() { return *loop_; }

 private:
  std::unique_ptr<Loop> loop_;
};

}  // namespace thalweg::server
