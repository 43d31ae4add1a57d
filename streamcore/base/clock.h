// Clock: wall-clock time, for record timestamps and retention only, never for ordering, fencing or
// acks; and the time since the machine started, for leases.
#pragma once

#include <chrono>
#include <cstdint>

namespace thalweg::base {

using Timestamp = int64_t;  // milliseconds since the Unix epoch; -1 = none

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp wall_now() = 0;
  // Nobody can set it, and it counts on while the machine sleeps, which an executor's does not.
  virtual std::chrono::nanoseconds since_boot() = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp wall_now() override;
  std::chrono::nanoseconds since_boot() override;
};

}  // namespace thalweg::base
