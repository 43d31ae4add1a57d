// StreamReader: where an offset is read from: the memory tail, else the chunk log, else segments.
// One call reads from one of them, so that a read across a boundary is two calls and
// neither has a gap or a repeat.
#pragma once

#include <list>
#include <optional>
#include <vector>

#include "streamcore/channel/log_tail.h"
#include "streamcore/channel/stream_table.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/entry_ref.h"
#include "streamcore/segment/segment_reader.h"

namespace thalweg::stream {

class StreamReader {
 public:
  StreamReader(std::vector<chunk::ChunkReplica*> replicas, channel::StreamTable& streams,
               segment::SegmentReader& segments)
      : replicas_(std::move(replicas)), streams_(streams), segments_(segments) {}

  // `from` lies in [trim point, durable tail). The stream stays in memory (StreamUse) until the
  // Task is done.
  base::Task<base::Result<std::vector<EntryRef>>> read(channel::StreamState& stream, Offset from,
                                                       size_t max_bytes);
  // The part of read() that needs no I/O: empty if the entry at `from` is not in memory.
  static std::vector<EntryRef> read_memory(const channel::StreamState& stream, Offset from,
                                           size_t max_bytes);
  base::Task<base::Result<std::optional<EntryRef>>> find_timestamp(channel::StreamState& stream,
                                                                   base::Timestamp timestamp,
                                                                   Offset from);

 private:
  // The entry at index `at` contains or follows `from`.
  base::Task<base::Result<std::vector<EntryRef>>> read_log(channel::StreamState& stream, size_t at,
                                                           Offset from, size_t max_bytes);
  base::Task<base::Result<std::vector<EntryRef>>> read_segments(channel::StreamState& stream,
                                                                Offset from, size_t max_bytes);
  base::Task<base::Result<base::Slice>> load_chunk(chunk::ChunkKey key);

  std::vector<chunk::ChunkReplica*> replicas_;
  channel::StreamTable& streams_;
  segment::SegmentReader& segments_;
  struct ColdChunk {
    chunk::ChunkKey key;
    base::Slice bytes;
  };
  // Read last, newest first; a reader in the log asks for the same ones again.
  std::list<ColdChunk> cold_chunks_;
};

}  // namespace thalweg::stream
