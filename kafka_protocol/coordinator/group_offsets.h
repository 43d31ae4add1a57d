// GroupOffsets: the committed offsets of one group, by topic and partition. Holds only what is
// durable.
//
// Owned by the group's coordinator, on its core.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "kafka_protocol/coordinator/offsets_records_format.h"

namespace thalweg::coordinator {

class GroupOffsets {
 public:
  using Partitions = std::map<int32_t, OffsetCommitValue>;
  using Topics = std::map<std::string, Partitions, std::less<>>;

  void set(std::string_view topic, int32_t partition, OffsetCommitValue value);
  void erase(std::string_view topic, int32_t partition);

  // nullptr if nothing was committed.
  const OffsetCommitValue* find(std::string_view topic, int32_t partition) const;
  const Partitions* find(std::string_view topic) const;
  const Topics& topics() const { return topics_; }
  bool empty() const { return topics_.empty(); }
  size_t size() const { return size_; }

 private:
  Topics topics_;
  size_t size_ = 0;
};

}  // namespace thalweg::coordinator
