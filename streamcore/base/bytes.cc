#include "streamcore/base/bytes.h"

#include <sys/mman.h>

#include <cstdlib>

#include "streamcore/base/check.h"

namespace thalweg::base {

namespace {
constexpr size_t kHugePage = 2 << 20;
}

std::byte* allocate_block(size_t size) {
  const bool huge = size >= kHugePage;
  void* data = nullptr;  // aligned_alloc wants a size that is a multiple of the alignment
  CHECK_EQ(::posix_memalign(&data, huge ? kHugePage : kIoAlignment, size), 0);
  // A wish: without huge pages everything works, slower.
  if (huge) (void)::madvise(data, size / kHugePage * kHugePage, MADV_HUGEPAGE);
  return static_cast<std::byte*>(data);
}

Buffer Buffer::allocate(size_t capacity) {
  const size_t size = align_up(capacity == 0 ? 1 : capacity, kIoAlignment);
  std::byte* const data = allocate_block(size);
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
