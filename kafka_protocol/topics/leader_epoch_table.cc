#include "kafka_protocol/topics/leader_epoch_table.h"

#include <algorithm>

namespace thalweg::topics {

void LeaderEpochTable::observe(int32_t epoch, int64_t offset) {
  if (epoch < 0 || (!starts_.empty() && epoch <= starts_.back().epoch)) return;
  if (starts_.size() == kLeaderEpochsMax) starts_.erase(starts_.begin());
  starts_.push_back({epoch, offset});
}

LeaderEpochTable::End LeaderEpochTable::end_of(int32_t epoch, int32_t current_epoch,
                                               int64_t log_start, int64_t log_end) const {
  if (epoch < 0 || epoch > current_epoch) return {};
  if (epoch == current_epoch) return {epoch, log_end};
  const auto above = std::upper_bound(starts_.begin(), starts_.end(), epoch,
                                      [](int32_t e, const Start& s) { return e < s.epoch; });
  const int64_t end = above == starts_.end() ? log_end : above->offset;
  if (above == starts_.begin() || end <= log_start) return {epoch, std::max(end, log_start)};
  return {std::prev(above)->epoch, end};
}

}  // namespace thalweg::topics
