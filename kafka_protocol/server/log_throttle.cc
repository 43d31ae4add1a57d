#include "kafka_protocol/server/log_throttle.h"

#include <chrono>
#include <string>

#include "streamcore/base/log.h"

namespace thalweg::server {

void LogThrottle::warn(std::string_view line) {
  const base::TimePoint now = executor_.now();
  if (now - window_start_ >= std::chrono::seconds(1)) {
    if (left_out_ > 0) {
      base::log_warn("connection warnings left out count=" + std::to_string(left_out_));
    }
    window_start_ = now;
    lines_ = 0;
    left_out_ = 0;
  }
  if (++lines_ > kLinesPerSecond) {
    ++left_out_;
    return;
  }
  base::log_warn(line);
}

}  // namespace thalweg::server
