// Pause: lets a plain thread of a test wait on an executor's timer, for what the kernel and other
// threads do meanwhile.
#pragma once

#include <functional>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cores.h"

namespace thalweg::server {

class Pause {
 public:
  Pause() { cores_.start(); }

  void wait(base::Duration delay) { run_blocking(cores_.home(), timer(cores_.home(), delay)); }
  // Looks every millisecond for ten seconds.
  bool until(const std::function<bool()>& holds) {
    for (int i = 0; i < 10000; ++i) {
      if (holds()) return true;
      wait(std::chrono::milliseconds(1));
    }
    return false;
  }

 private:
  static base::Task<bool> timer(base::Executor& executor, base::Duration delay) {
    co_await base::switch_to(executor);
    co_await base::sleep_for(executor, delay);
    co_return true;
  }
  Cores cores_{1};
};

}  // namespace thalweg::server
