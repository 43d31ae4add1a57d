#include "streamcore/channel/offload_plan.h"

#include <algorithm>
#include <unordered_map>

#include "streamcore/base/check.h"

namespace thalweg::channel {

size_t chunks_to_offload(LogTail& tail, ChannelEpoch open_epoch, ChunkSeq durable_end,
                         uint64_t bytes_max) {
  uint64_t bytes = 0;
  size_t count = 0;
  for (; count < tail.unoffloaded_count(); ++count) {
    const LoggedChunk& chunk = tail.unoffloaded(count);
    const bool other_epoch = chunk.key.epoch != tail.unoffloaded(0).key.epoch;
    const bool durable = chunk.key.epoch != open_epoch || chunk.key.seq < durable_end;
    if (other_epoch || !durable || (count > 0 && bytes + chunk.length > bytes_max)) break;
    bytes += chunk.length;
  }
  return count;
}

namespace {
// Rows of one stream that one run adds, all of them in one transaction.
constexpr uint64_t kRangesMax = 8;

void split(PlannedStream& planned, uint64_t range_bytes_target) {
  const uint64_t count =
      std::clamp<uint64_t>(planned.content_bytes / range_bytes_target, 1, kRangesMax);
  PlannedRange range;
  uint64_t bytes = 0;
  for (size_t i = planned.content_from; i < planned.entries.size(); ++i) {
    bytes += planned.entries[i].frame.bytes.size();
    if (bytes * count < planned.content_bytes * (planned.ranges.size() + 1)) continue;
    range.end = i + 1;
    planned.ranges.push_back(range);
    range.begin = range.end;
  }
  if (planned.ranges.empty()) planned.ranges.push_back({0, planned.entries.size()});
}
}  // namespace

OffloadPlan plan_offload(LogTail& tail, const std::vector<base::Slice>& bytes,
                         uint64_t range_bytes_target) {
  OffloadPlan plan;
  plan.chunk_count = bytes.size();
  if (plan.empty()) return plan;
  plan.epoch = tail.unoffloaded(0).key.epoch;
  plan.new_g = tail.unoffloaded(bytes.size() - 1).key.seq + 1;
  std::unordered_map<StreamState*, size_t> index;
  for (size_t c = 0; c < bytes.size(); ++c) {
    const LoggedChunk& chunk = tail.unoffloaded(c);
    for (uint32_t i = 0; i < chunk.entries.size(); ++i) {
      StreamState* stream = chunk.streams[i];
      const EntryHeader& header = chunk.header(i);
      // Below the committed end: a replay of what an earlier owner already offloaded.
      if (stream == nullptr || header.base < stream->row.committed_end) continue;
      const auto [it, added] = index.try_emplace(stream, plan.streams.size());
      if (added) plan.streams.emplace_back(*stream);
      PlannedStream& planned = plan.streams[it->second];
      CHECK(header.base == (added ? planned.expected_end : planned.end));  // no gap, no overlap
      planned.end = header.end();
      const size_t framed = framed_entry_bytes(header.length);
      const chunk::IndexedEntry& entry = chunk.entries[i];
      planned.entries.push_back({header,
                                 entry.digest,
                                 {bytes[c].owner, bytes[c].bytes.subspan(entry.position, framed)},
                                 entry.crc});
      if (header.end() <= stream->row.trim_point) {
        planned.content_from = planned.entries.size();
      } else {
        planned.content_bytes += framed;
      }
    }
  }
  for (PlannedStream& planned : plan.streams) split(planned, range_bytes_target);
  std::sort(
      plan.streams.begin(), plan.streams.end(),
      [](const PlannedStream& a, const PlannedStream& b) { return a.stream->id < b.stream->id; });
  return plan;
}

}  // namespace thalweg::channel
