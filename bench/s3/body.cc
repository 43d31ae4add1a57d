#include "bench/s3/body.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

namespace thalweg::s3_stub {

namespace {
constexpr size_t kExtentBytes = 64 << 20;
}  // namespace

BlockPool::BlockPool(size_t reserve_bytes) : reserved_(reserve_bytes > 0) {
  for (size_t bytes = 0; bytes < reserve_bytes; bytes += kExtentBytes) grow(true);
}

void BlockPool::grow(bool touch) {
  void* extent =
      ::mmap(nullptr, kExtentBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (extent == MAP_FAILED) throw std::bad_alloc();
  ::madvise(extent, kExtentBytes, MADV_HUGEPAGE);
  if (touch) std::memset(extent, 0, kExtentBytes);
  auto* const first = static_cast<std::byte*>(extent);
  for (size_t at = kExtentBytes; at > 0; at -= kBlockBytes) {
    free_.push_back(first + at - kBlockBytes);
  }
}

std::byte* BlockPool::take() {
  if (free_.empty()) {
    if (std::exchange(reserved_, false)) {
      std::fprintf(stderr, "the reserve is used up: from here on memory costs time\n");
    }
    grow(false);
  }
  std::byte* block = free_.back();
  free_.pop_back();
  return block;
}

Body::Body(BlockPool& pool, uint64_t size) : pool_(pool), size_(size) {
  if (size < kPooledBytesMin) {
    small_ = std::make_unique_for_overwrite<std::byte[]>(size);
    return;
  }
  for (uint64_t at = 0; at < size; at += BlockPool::kBlockBytes) blocks_.push_back(pool_.take());
}

Body::~Body() {
  for (std::byte* block : blocks_) pool_.give_back(block);
}

std::vector<boost::asio::mutable_buffer> Body::pieces(uint64_t offset, uint64_t length) const {
  std::vector<boost::asio::mutable_buffer> pieces;
  if (small_) {
    pieces.emplace_back(small_.get() + offset, length);
    return pieces;
  }
  while (length > 0) {
    const uint64_t within = offset % BlockPool::kBlockBytes;
    const uint64_t step = std::min<uint64_t>(length, BlockPool::kBlockBytes - within);
    pieces.emplace_back(blocks_[offset / BlockPool::kBlockBytes] + within, step);
    offset += step;
    length -= step;
  }
  return pieces;
}

}  // namespace thalweg::s3_stub
