// The metadata row of a topic: all of it, so that creating one, with any number of partitions, is
// one write.
//
//   u8   version (1)
//   u64  topic id, high; u64 low
//   u32  n, then n x { u32 partitions, u64 first stream id }   in order; ids of a run follow on
//   u32  n, then n x { bytes name, bytes value }               configs that were set
//   u32  CRC32C of everything before
//
// Keys: topic/<name>. While what belonged to a deleted topic is being removed, deleting/<topic
// id>/<name> holds the same row.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kafka_protocol/wire/primitives.h"
#include "streamcore/base/result.h"
#include "streamcore/types.h"

namespace thalweg::topics {

inline constexpr std::string_view kTopicRowPrefix = "topic/";
inline constexpr std::string_view kDeletingRowPrefix = "deleting/";

using ConfigEntries = std::vector<std::pair<std::string, std::string>>;  // by name

// Consecutive partitions on consecutive streams.
struct StreamRun {
  uint32_t partitions;
  StreamId first_stream;
  friend bool operator==(const StreamRun&, const StreamRun&) = default;
};

struct TopicRow {
  wire::Uuid id;
  std::vector<StreamRun> runs;
  ConfigEntries configs;
  friend bool operator==(const TopicRow&, const TopicRow&) = default;
};

std::string encode_topic_row(const TopicRow& row);
base::Result<TopicRow> decode_topic_row(std::string_view bytes);

}  // namespace thalweg::topics
