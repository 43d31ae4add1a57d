// Chunks as the channel would have written them, for tests of what is kept about them.
#pragma once

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "streamcore/channel/log_tail.h"

namespace thalweg::channel {

// Builds a chunk of epoch `epoch` entry by entry; each entry continues its stream.
class ChunkOf {
 public:
  ChunkOf(uint64_t epoch, uint64_t seq) : chunk_(std::make_unique<LoggedChunk>()) {
    chunk_->key.channel = ChannelId(1);
    chunk_->key.epoch = ChannelEpoch(epoch);
    chunk_->key.seq = ChunkSeq(seq);
  }

  ChunkOf& entry(StreamState& stream, uint32_t count = 1, uint32_t length = 100) {
    const EntryHeader header{.stream = stream.id,
                             .base = stream.next,
                             .max_timestamp = -1,
                             .count = count,
                             .length = length,
                             .leader_epoch = {}};
    chunk_->entries.push_back({header, position_});
    chunk_->streams.push_back(&stream);
    position_ += framed_entry_bytes(length);
    stream.next = header.end();
    return *this;
  }

  // In memory, 4 KiB long however little is in it (or as much as its entries need).
  std::unique_ptr<LoggedChunk> in_memory() {
    std::unique_ptr<LoggedChunk> chunk = on_disk();
    chunk->bytes = content(*chunk);
    return chunk;
  }
  std::unique_ptr<LoggedChunk> on_disk() {
    chunk_->length = base::align_up(position_, chunk::kChunkAlignment);
    return std::move(chunk_);
  }

  // What the chunk's bytes are: every payload filled with its entry's index.
  static base::Slice content(const LoggedChunk& chunk) {
    base::Buffer buffer = base::Buffer::allocate(chunk.length);
    for (uint32_t i = 0; i < chunk.entries.size(); ++i) {
      std::byte* frame = buffer.data() + chunk.entries[i].position;
      encode_entry_header(chunk.header(i), frame);
      std::memset(frame + kEntryHeaderBytes, static_cast<int>(i), chunk.header(i).length);
    }
    return {buffer, {buffer.data(), chunk.length}};
  }

 private:
  std::unique_ptr<LoggedChunk> chunk_;
  uint32_t position_ = chunk::kChunkHeaderBytes;
};

}  // namespace thalweg::channel
