// Cores: the executors, each on its own thread. Core 0 is the home core, where streams, topics and
// groups live.
//
// Owned by main. Everything living on the executors is stopped and joined before stop_and_join().
#pragma once

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "kafka_protocol/server/asio_executor.h"

namespace thalweg::server {

class Cores {
 public:
  explicit Cores(size_t count);
  ~Cores();  // stops and joins
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

  // Starts the threads; signals blocked in the caller are blocked in them.
  void start();
  void stop_and_join();

  size_t size() const { return executors_.size(); }
  AsioExecutor& at(size_t core) { return *executors_[core]; }
  AsioExecutor& home() { return *executors_[0]; }

 private:
  std::vector<std::unique_ptr<AsioExecutor>> executors_;
  std::vector<std::thread> threads_;
};

}  // namespace thalweg::server
