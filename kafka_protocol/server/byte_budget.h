// ByteBudget: bytes that all connections of the process may hold together. Any thread.
//
// Who finds it used up looks again after kBudgetRetry: back-pressure is rare, and a wake-up across
// cores for each byte given back is not.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "streamcore/base/executor.h"

namespace thalweg::server {

inline constexpr base::Duration kBudgetRetry = std::chrono::milliseconds(10);

class ByteBudget {
 public:
  explicit ByteBudget(size_t bytes_max) : max_(bytes_max) {}

  // What is larger than the budget passes alone.
  bool try_take(size_t bytes) {
    const size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before == 0 || (bytes <= max_ && before <= max_ - bytes)) return true;
    give_back(bytes);
    return false;
  }
  // Takes what is there already, even past the limit.
  void take(size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t used() const { return used_.load(std::memory_order_relaxed); }
  bool used_up() const { return used() >= max_; }
  // Who holds much without using it should give it back.
  bool scarce() const { return used() >= max_ / 2; }

 private:
  const size_t max_;
  std::atomic<size_t> used_{0};
};

}  // namespace thalweg::server
