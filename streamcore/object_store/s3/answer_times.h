// AnswerTimes: how long requests of one kind waited lately until their answer began, and from that
// how long one is worth waiting for.
//
// That is some times the median, not a high percentile as of "The Tail at Scale" (Dean, Barroso):
// half of the requests may be slow before the median notices, where a 95th percentile is as slow as
// the slow ones are as soon as those are a twentieth.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "streamcore/base/executor.h"

namespace thalweg::object_store::s3 {

struct HedgeLimits {
  int medians = 3;  // S3's 99th percentile is some three times its median
  base::Duration patience_min = std::chrono::milliseconds(50);
  // Before there is a median. AWS's guideline is 2 s, for clients that know no better.
  base::Duration patience_at_first = std::chrono::milliseconds(500);
  int tries_max = 10;                 // of one request at a time
  uint64_t body_bytes_max = 8 << 20;  // larger ones are not sent twice
};

class AnswerTimes {
 public:
  void note(base::Duration waited) {
    times_[noted_++ % times_.size()] = waited;
    if (noted_ % kRenewal != 0) return;
    const auto end = times_.begin() + static_cast<ptrdiff_t>(std::min(noted_, times_.size()));
    auto sorted = times_;
    const auto middle = sorted.begin() + (end - times_.begin()) / 2;
    std::nth_element(sorted.begin(), middle, sorted.begin() + (end - times_.begin()));
    median_ = *middle;
  }

  base::Duration patience(const HedgeLimits& limits) const {
    if (noted_ < kRenewal) return limits.patience_at_first;
    return std::max(limits.medians * median_, limits.patience_min);
  }

 private:
  static constexpr size_t kKept = 64;
  static constexpr size_t kRenewal = 8;  // of the median, in times noted

  std::array<base::Duration, kKept> times_{};
  size_t noted_ = 0;
  base::Duration median_{};
};

}  // namespace thalweg::object_store::s3
