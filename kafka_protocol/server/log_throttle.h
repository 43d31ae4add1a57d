// LogThrottle: at most so many lines a second about what clients do wrong, and how many were left
// out.
//
// One per core, so that a flood of garbage costs a bounded amount of log.
#pragma once

#include <cstdint>
#include <string_view>

#include "streamcore/base/executor.h"

namespace thalweg::server {

class LogThrottle {
 public:
  static constexpr int kLinesPerSecond = 10;

  explicit LogThrottle(base::Executor& executor) : executor_(executor) {}
  // A warning, or nothing if this second had its share.
  void warn(std::string_view line);

 private:
  base::Executor& executor_;
  base::TimePoint window_start_{};
  int lines_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace thalweg::server
