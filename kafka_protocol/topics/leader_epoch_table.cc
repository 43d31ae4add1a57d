#include "kafka_protocol/topics/leader_epoch_table.h"

#include <algorithm>

namespace thalweg::topics {

void LeaderEpochTable::observe(int32_t epoch, int64_t offset) {
  if (epoch < 0 || (!starts_.empty() && epoch <= starts_.back().epoch)) return;
  if (starts_.size() == kLeaderEpochsMax) starts_.erase(starts_.begin());
  starts_.push_back({epoch, offset});
}

LeaderEpochTable::End LeaderEpochTable::end_of(int32_t epoch, int32_t current_epoch,
                                               int64_t log_end) const {
  if (epoch < 0 || epoch > current_epoch) return {};
  if (epoch == current_epoch) return {epoch, log_end};
  const auto above = std::upper_bound(starts_.begin(), starts_.end(), epoch,
                                      [](int32_t e, const Start& s) { return e < s.epoch; });
  const int64_t end = above == starts_.end() ? log_end : above->offset;
  return {above == starts_.begin() ? epoch : std::prev(above)->epoch, end};
}

int32_t LeaderEpochTable::epoch_at(int64_t offset) const {
  const auto above = std::upper_bound(starts_.begin(), starts_.end(), offset,
                                      [](int64_t o, const Start& s) { return o < s.offset; });
  return above == starts_.begin() ? -1 : std::prev(above)->epoch;
}

void LeaderEpochTable::trim(int64_t offset) {
  const auto above = std::upper_bound(starts_.begin(), starts_.end(), offset,
                                      [](int64_t o, const Start& s) { return o < s.offset; });
  if (above == starts_.begin()) return;
  const auto covering = std::prev(above);
  covering->offset = offset;
  starts_.erase(starts_.begin(), covering);
}

}  // namespace thalweg::topics
