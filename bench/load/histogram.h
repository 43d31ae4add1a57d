// Histogram: latencies in microseconds with a relative error below 1.6 %, in a fixed 32 KiB.
// Buckets 0-63 are exact; above, each power of two is cut into 64. Not thread safe.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace thalweg::load {

class Histogram {
 public:
  void add(int64_t microseconds) {
    const uint64_t value = microseconds < 0 ? 0 : static_cast<uint64_t>(microseconds);
    ++buckets_[bucket_of(value)];
    ++count_;
    if (value > max_) max_ = value;
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  // The upper end of the bucket that holds the given share (0..1) of all values; 0 when empty.
  uint64_t percentile(double share) const {
    uint64_t wanted = static_cast<uint64_t>(share * static_cast<double>(count_));
    for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      if (buckets_[bucket] > wanted) return upper_end(bucket);
      wanted -= buckets_[bucket];
    }
    return max_;
  }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr uint64_t kSub = 1u << kSubBits;

  static size_t bucket_of(uint64_t value) {
    if (value < kSub) return value;
    const unsigned shift = std::bit_width(value) - kSubBits - 1;
    return (shift + 1) * kSub + ((value >> shift) - kSub);
  }

  static uint64_t upper_end(size_t bucket) {
    if (bucket < kSub) return bucket;
    const unsigned shift = bucket / kSub - 1;
    return ((bucket % kSub + kSub + 1) << shift) - 1;
  }

  std::array<uint64_t, (64 - kSubBits + 1) * kSub> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace thalweg::load
