#include "kafka_protocol/topics/topic.h"

#include <algorithm>

#include "streamcore/base/check.h"

namespace thalweg::topics {

namespace {
constexpr size_t kTopicNameMax = 249;

bool legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}
}  // namespace

bool internal_topic(std::string_view name) {
  return name == kOffsetsTopic || name == kTransactionsTopic || name == "__share_group_state";
}

int32_t Topic::partition_count() const {
  uint32_t count = 0;
  for (const StreamRun& run : row_.runs) count += run.partitions;
  return static_cast<int32_t>(count);
}

StreamId Topic::stream(int32_t partition) const {
  auto index = static_cast<uint32_t>(partition);
  for (const StreamRun& run : row_.runs) {
    if (index < run.partitions) return run.first_stream + index;
    index -= run.partitions;
  }
  base::check_failed(__FILE__, __LINE__, "partition exists", name_);
}

std::vector<StreamId> Topic::streams() const {
  std::vector<StreamId> streams;
  for (const StreamRun& run : row_.runs) {
    for (uint32_t i = 0; i < run.partitions; ++i) streams.push_back(run.first_stream + i);
  }
  return streams;
}

Partition& Topic::partition(base::Executor& executor, int32_t index) {
  const auto at = static_cast<size_t>(index);
  if (at >= partitions_.size()) partitions_.resize(static_cast<size_t>(partition_count()));
  if (!partitions_[at]) partitions_[at] = std::make_unique<Partition>(executor, stream(index));
  return *partitions_[at];
}

Partition* Topic::partition_if_used(int32_t index) const {
  const auto at = static_cast<size_t>(index);
  return at < partitions_.size() ? partitions_[at].get() : nullptr;
}

std::string topic_name_fault(std::string_view name) {
  if (name.empty()) return "Topic name is invalid: the empty string is not allowed";
  if (name == "." || name == "..") return "Topic name is invalid: '.' or '..' is not allowed";
  if (name.size() > kTopicNameMax) {
    return "Topic name is invalid: the length of '" + std::string(name) +
           "' is longer than the max allowed length 249";
  }
  if (!std::all_of(name.begin(), name.end(), legal)) {
    return "Topic name is invalid: '" + std::string(name) +
           "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  }
  return {};
}

}  // namespace thalweg::topics
