// BufferPool: blocks of one size, re-used. Buffers may outlive the pool's owner and be dropped on
// any thread, so the pool itself goes when both its owner and the last buffer are gone.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "streamcore/base/bytes.h"

namespace thalweg::base {

class BufferPool final : public Buffer::Recycler {
 public:
  // Keeps at most `idle_max` unused blocks of `block_bytes` (a multiple of kIoAlignment).
  static BufferPool* create(size_t block_bytes, size_t idle_max) {
    return new BufferPool(block_bytes, idle_max);
  }
  Buffer take();
  // The owner lets go.
  void release();

  void recycle(std::byte* data, size_t capacity) override;

 private:
  BufferPool(size_t block_bytes, size_t idle_max)
      : block_bytes_(block_bytes), idle_max_(idle_max) {}
  ~BufferPool() override;
  void drop_reference(std::unique_lock<std::mutex> lock);

  const size_t block_bytes_;
  const size_t idle_max_;
  std::mutex mutex_;  // readers on other cores drop buffers
  std::vector<std::byte*> idle_;
  size_t references_ = 1;  // the owner, and each block in use
};

}  // namespace thalweg::base
