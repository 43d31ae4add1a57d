#include "streamcore/base/buffer_pool.h"

#include <cstdlib>

#include "streamcore/base/check.h"

namespace thalweg::base {

BufferPool::~BufferPool() {
  for (std::byte* data : idle_) std::free(data);
}

Buffer BufferPool::take() {
  std::byte* data = nullptr;
  {
    const std::lock_guard lock(mutex_);
    ++references_;
    if (!idle_.empty()) {
      data = idle_.back();
      idle_.pop_back();
    }
  }
  if (data == nullptr) data = allocate_block(block_bytes_);
  return Buffer::adopt(data, block_bytes_, *this);
}

void BufferPool::recycle(std::byte* data, size_t) {
  std::unique_lock lock(mutex_);
  if (idle_.size() < idle_max_) {
    idle_.push_back(data);
  } else {
    std::free(data);
  }
  drop_reference(std::move(lock));
}

void BufferPool::release() { drop_reference(std::unique_lock(mutex_)); }

void BufferPool::drop_reference(std::unique_lock<std::mutex> lock) {
  if (--references_ > 0) return;
  lock.unlock();
  delete this;
}

}  // namespace thalweg::base
