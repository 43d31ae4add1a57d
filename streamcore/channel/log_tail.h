// LogTail: the chunks that are not yet offloaded, and those that are but still lie in memory,
// oldest first. It is the index from streams to chunks and, through the chunks' buffers, the memory
// tail live readers are served from.
//
// Two bounds: bytes in memory, of all tails of a store together (TailMemory; past it the oldest
// chunk loses its buffer, and is forgotten once it is offloaded), and the un-offloaded bytes, which
// the channel's back-pressure keeps.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/executor.h"
#include "streamcore/channel/stream_state.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_replica.h"

namespace thalweg::channel {

struct LoggedChunk {
  chunk::ChunkKey key;
  uint64_t length = 0;
  base::Slice bytes;  // empty once it left memory
  std::vector<chunk::IndexedEntry> entries;
  std::vector<StreamState*> streams;  // of each entry; null if the stream was deleted
  base::TimePoint created;
  bool offloaded = false;
  bool recovered = false;  // of an earlier epoch, found at the start

  const EntryHeader& header(uint32_t i) const { return entries[i].header; }
  // The entry's payload, if the chunk is in memory.
  base::Slice payload(uint32_t i) const {
    return {bytes.owner,
            bytes.bytes.subspan(entries[i].position + kEntryHeaderBytes, entries[i].header.length)};
  }
  // The entry as it is framed, header and padding included.
  base::Slice frame(uint32_t i) const {
    return {bytes.owner,
            bytes.bytes.subspan(entries[i].position, framed_entry_bytes(entries[i].header.length))};
  }
  bool in_memory() const { return !bytes.bytes.empty(); }
};

class LogTail;

// TailMemory: what the chunks of several tails may take together. The oldest of all goes first, so
// that a channel that falls idle leaves its share to the others. The newest of each tail stays.
class TailMemory {
 public:
  explicit TailMemory(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  uint64_t bytes() const { return bytes_; }

 private:
  friend class LogTail;
  void keep_to_bound();

  const uint64_t bytes_max_;
  uint64_t bytes_ = 0;
  std::vector<LogTail*> tails_;
};

class LogTail {
 public:
  explicit LogTail(TailMemory& memory);
  ~LogTail();
  LogTail(const LogTail&) = delete;
  LogTail& operator=(const LogTail&) = delete;

  // Appends a chunk and indexes its entries under their streams (null streams are skipped).
  LoggedChunk& push(std::unique_ptr<LoggedChunk> chunk);
  // The oldest `count` un-offloaded chunks became part of committed segments.
  void mark_offloaded(size_t count);
  // A deleted stream's entries are no longer reachable.
  void forget(StreamState& stream);

  // Un-offloaded chunks, oldest first.
  size_t unoffloaded_count() const { return chunks_.size() - offloaded_count_; }
  LoggedChunk& unoffloaded(size_t i) { return *chunks_[offloaded_count_ + i]; }
  uint64_t unoffloaded_bytes() const { return unoffloaded_bytes_; }
  // The part of them that this owner wrote itself.
  uint64_t own_unoffloaded_bytes() const { return unoffloaded_bytes_ - recovered_bytes_; }
  // True if any of them has entries: empty chunks alone are not worth an offload.
  bool has_unoffloaded_entries() const { return unoffloaded_entries_ > 0; }
  uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  friend class TailMemory;
  // The chunk that leaves memory next; null if only the newest is there.
  const LoggedChunk* oldest_in_memory() const;
  void drop_oldest();
  void forget_offloaded();
  void pop_front();

  TailMemory& memory_;
  std::deque<std::unique_ptr<LoggedChunk>> chunks_;
  size_t offloaded_count_ = 0;  // a prefix of chunks_
  size_t evicted_count_ = 0;    // a prefix of chunks_ that is not in memory
  uint64_t unoffloaded_bytes_ = 0;
  uint64_t recovered_bytes_ = 0;  // un-offloaded
  uint64_t unoffloaded_entries_ = 0;
  uint64_t memory_bytes_ = 0;
};

}  // namespace thalweg::channel
