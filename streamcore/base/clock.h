// Clock: wall-clock time, for record timestamps and retention only; never for ordering, fencing or
// acks.
#pragma once

#include <chrono>
#include <cstdint>

namespace thalweg::base {

using Timestamp = int64_t;  // milliseconds since the Unix epoch; -1 = none

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp wall_now() = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp wall_now() override;
};

}  // namespace thalweg::base
