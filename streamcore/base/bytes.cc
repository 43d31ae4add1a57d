#include "streamcore/base/bytes.h"

#include <cstdlib>

#include "streamcore/base/check.h"

namespace thalweg::base {

Buffer Buffer::allocate(size_t capacity) {
  const size_t size = align_up(capacity == 0 ? 1 : capacity, kIoAlignment);
  auto* data = static_cast<std::byte*>(std::aligned_alloc(kIoAlignment, size));
  CHECK(data != nullptr);
  return Buffer(new Block{.data = data, .capacity = size, .recycler = nullptr});
}

Buffer Buffer::adopt(std::byte* data, size_t capacity, Recycler& recycler) {
  return Buffer(new Block{.data = data, .capacity = capacity, .recycler = &recycler});
}

Buffer Buffer::copy_of(ByteView bytes) {
  Buffer buffer = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer;
}

void Buffer::release() {
  if (block_ == nullptr) return;
  if (block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (block_->recycler != nullptr) {
    block_->recycler->recycle(block_->data, block_->capacity);
  } else {
    std::free(block_->data);
  }
  delete block_;
  block_ = nullptr;
}

}  // namespace thalweg::base
