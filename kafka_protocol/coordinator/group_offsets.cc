#include "kafka_protocol/coordinator/group_offsets.h"

namespace thalweg::coordinator {

void GroupOffsets::set(std::string_view topic, int32_t partition, OffsetCommitValue value) {
  auto at = topics_.find(topic);
  if (at == topics_.end()) at = topics_.emplace(topic, Partitions{}).first;
  if (at->second.insert_or_assign(partition, std::move(value)).second) ++size_;
}

void GroupOffsets::erase(std::string_view topic, int32_t partition) {
  const auto at = topics_.find(topic);
  if (at == topics_.end() || at->second.erase(partition) == 0) return;
  --size_;
  if (at->second.empty()) topics_.erase(at);
}

const OffsetCommitValue* GroupOffsets::find(std::string_view topic, int32_t partition) const {
  const Partitions* partitions = find(topic);
  if (partitions == nullptr) return nullptr;
  const auto at = partitions->find(partition);
  return at == partitions->end() ? nullptr : &at->second;
}

const GroupOffsets::Partitions* GroupOffsets::find(std::string_view topic) const {
  const auto at = topics_.find(topic);
  return at == topics_.end() ? nullptr : &at->second;
}

}  // namespace thalweg::coordinator
