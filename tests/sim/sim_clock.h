// SimClock: wall time derived from virtual time, with an error a test may set at will (clocks of
// real machines drift and jump; nothing but record timestamps and retention may depend on them).
#pragma once

#include <chrono>
#include <optional>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"

namespace thalweg::sim {

// What the wall clock shows at virtual time zero: 2030-01-01T00:00:00Z.
inline constexpr base::Timestamp kWallStart = 1'893'456'000'000;

class SimClock final : public base::Clock {
 public:
  explicit SimClock(base::Executor& executor) : executor_(executor) {}

  base::Timestamp wall_now() override { return frozen_ ? *frozen_ : running(); }
  std::chrono::nanoseconds since_boot() override { return executor_.now().time_since_epoch(); }
  // It runs on, off by that much.
  void set_error(std::chrono::milliseconds error) {
    error_ = error;
    frozen_.reset();
  }
  void freeze() { frozen_ = wall_now(); }

 private:
  base::Timestamp running() const {
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(executor_.now().time_since_epoch());
    return kWallStart + since.count() + error_.count();
  }

  base::Executor& executor_;
  std::chrono::milliseconds error_{0};
  std::optional<base::Timestamp> frozen_;
};

}  // namespace thalweg::sim
