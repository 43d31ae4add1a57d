// LeaderEpochTable: at which offset each leader epoch of a partition began (KIP-101), read off the
// batch headers.
//
// Owned by the partition, on its core. Epochs and offsets both rise. Only epochs that appended
// something are in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace thalweg::topics {

// Epochs remembered per partition; past it the oldest is forgotten, and questions about it get the
// answer for an epoch before the first one known.
inline constexpr size_t kLeaderEpochsMax = 4096;

class LeaderEpochTable {
 public:
  struct Start {
    int32_t epoch;
    int64_t offset;
    friend bool operator==(const Start&, const Start&) = default;
  };
  struct End {
    int32_t epoch = -1;
    int64_t offset = -1;
    friend bool operator==(const End&, const End&) = default;
  };

  // A batch of `epoch` lies at `offset`. An epoch that is not above the last one changes nothing.
  void observe(int32_t epoch, int64_t offset);

  // The answer to OffsetForLeaderEpoch: the largest epoch that is at most `epoch`, and where it
  // ended; (-1, -1) for a negative epoch or one above `current_epoch`. An epoch of which the log
  // from `log_start` to `log_end` holds nothing any more, nor of one before it, is answered by
  // itself and where the log starts (LeaderEpochFileCache.endOffsetFor and truncateFromStart). The
  // table itself is not trimmed: it is a function of the batches, which a trim is not among.
  End end_of(int32_t epoch, int32_t current_epoch, int64_t log_start, int64_t log_end) const;

  const std::vector<Start>& starts() const { return starts_; }
  friend bool operator==(const LeaderEpochTable&, const LeaderEpochTable&) = default;

 private:
  std::vector<Start> starts_;
};

}  // namespace thalweg::topics
