// ChunkArena: the memory chunks are built in. Consecutive small chunks share one block, so that a
// chunk of one small entry costs 4 KiB of the memory tail and not a whole block; blocks are
// re-used, because first touching memory is slow.
#pragma once

#include "streamcore/base/buffer_pool.h"
#include "streamcore/base/bytes.h"

namespace thalweg::channel {

class ChunkArena {
 public:
  // Blocks come from `pool`, which outlives the arena, not its chunks.
  explicit ChunkArena(base::BufferPool& pool) : pool_(pool) {}
  ChunkArena(const ChunkArena&) = delete;
  ChunkArena& operator=(const ChunkArena&) = delete;

  // At least `bytes` of aligned memory: what is left of the current block, or a new one, or one of
  // its own if `bytes` is larger than a block. It is the caller's until give_back().
  base::Slice take(size_t bytes);
  // Of the region taken last, all but the first `used` bytes (a multiple of kIoAlignment) may be
  // given out again.
  void give_back(const base::Slice& region, size_t used);

 private:
  base::BufferPool& pool_;
  base::Buffer block_;
  size_t used_ = 0;
};

}  // namespace thalweg::channel
