#include "streamcore/channel/chunk_arena.h"

#include "streamcore/base/check.h"

namespace thalweg::channel {

base::Slice ChunkArena::take(size_t bytes) {
  const size_t block_bytes = pool_.block_bytes();
  if (bytes > block_bytes) {
    base::Buffer own = base::Buffer::allocate(bytes);
    const base::ByteView all{own.data(), own.capacity()};
    return {std::move(own), all};
  }
  if (!block_ || block_bytes - used_ < bytes) {
    block_ = pool_.take();
    used_ = 0;
  }
  const base::ByteView rest{block_.data() + used_, block_bytes - used_};
  used_ = block_bytes;
  return {block_, rest};
}

void ChunkArena::give_back(const base::Slice& region, size_t used) {
  if (!block_ || region.owner.data() != block_.data()) return;
  const auto start = static_cast<size_t>(region.bytes.data() - block_.data());
  CHECK_EQ(used % base::kIoAlignment, 0u);
  CHECK_EQ(start + region.bytes.size(), used_);
  used_ = start + used;
}

}  // namespace thalweg::channel
