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
  // ended; (-1, -1) for a negative epoch or one above `current_epoch`. `log_end` is the end offset
  // of the log (LeaderEpochFileCache.endOffsetFor).
  End end_of(int32_t epoch, int32_t current_epoch, int64_t log_end) const;

  // The epoch of the record at `offset`; -1 if that is before the first one known.
  int32_t epoch_at(int64_t offset) const;

  // Forgets what only concerns offsets below `offset`.
  void trim(int64_t offset);

  const std::vector<Start>& starts() const { return starts_; }
  friend bool operator==(const LeaderEpochTable&, const LeaderEpochTable&) = default;

 private:
  std::vector<Start> starts_;
};

}  // namespace thalweg::topics
