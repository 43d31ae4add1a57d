// OffloadPlan: which durable chunks one run of the offloader takes, and their entries by stream.
// Pure bookkeeping: no I/O, no metadata; it keeps the chunks' bytes alive while the run lasts.
#pragma once

#include <vector>

#include "streamcore/channel/log_tail.h"
#include "streamcore/channel/stream_table.h"

namespace thalweg::channel {

struct PlannedEntry {
  EntryHeader header;
  EntryDigest digest;
  base::Slice frame;
  uint32_t crc;  // of the frame, as its chunk's index has it
};

// What becomes one range of a segment: the stream's entries from `begin` up to, not including,
// `end`.
struct PlannedRange {
  size_t begin = 0;
  size_t end = 0;
};

// What a run moves of one stream: everything from its committed end to `end`.
struct PlannedStream {
  explicit PlannedStream(StreamState& state)
      : stream(state), expected_end(state.row.committed_end) {}
  StreamUse stream;
  Offset expected_end;  // the committed end the plan was made from
  Offset end;
  std::vector<PlannedEntry> entries;  // from the committed end on
  size_t content_from = 0;            // entries before this one lie below the trim point
  uint64_t content_bytes = 0;
  std::vector<PlannedRange> ranges;  // of all entries, in order; one at least
};

struct OffloadPlan {
  ChannelEpoch epoch;
  size_t chunk_count = 0;
  ChunkSeq new_g;
  std::vector<PlannedStream> streams;  // by stream id

  bool empty() const { return chunk_count == 0; }
};

// How many un-offloaded chunks to take: of one epoch, durable (below `durable_end` in the open
// epoch `open_epoch`), at most `bytes_max` but at least one. Zero if the oldest is not durable yet.
size_t chunks_to_offload(LogTail& tail, ChannelEpoch open_epoch, ChunkSeq durable_end,
                         uint64_t bytes_max);

// Groups the entries of the oldest un-offloaded chunks by stream. `bytes` are those chunks' bytes,
// in order. A stream of twice `range_bytes_target` or more gets several ranges of about that size.
OffloadPlan plan_offload(LogTail& tail, const std::vector<base::Slice>& bytes,
                         uint64_t range_bytes_target);

}  // namespace thalweg::channel
