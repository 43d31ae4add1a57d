#include "kafka_protocol/server/cores.h"

#include <pthread.h>

#include <string>

#include "streamcore/base/check.h"

namespace thalweg::server {

Cores::Cores(size_t count) {
  CHECK(count > 0);
  for (size_t i = 0; i < count; ++i) executors_.push_back(std::make_unique<AsioExecutor>());
}

Cores::~Cores() { stop_and_join(); }

void Cores::start() {
  for (size_t i = 0; i < executors_.size(); ++i) {
    threads_.emplace_back([&executor = *executors_[i]] { executor.run(); });
    (void)::pthread_setname_np(threads_.back().native_handle(),
                               ("core-" + std::to_string(i)).c_str());
  }
}

void Cores::stop_and_join() {
  for (auto& executor : executors_) executor->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace thalweg::server
