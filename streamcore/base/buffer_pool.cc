#include "streamcore/base/buffer_pool.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "streamcore/base/check.h"

namespace thalweg::base {

namespace {
// With fewer in use than this, memory is left alone: most processes have little to do.
constexpr size_t kTouchFrom = 4;

std::byte* allocate_touched(size_t bytes) {
  std::byte* const data = allocate_block(bytes);
  if (::madvise(data, bytes, MADV_POPULATE_WRITE) != 0) std::memset(data, 0, bytes);
  return data;
}
}  // namespace

BufferPool::BufferPool(size_t block_bytes, size_t idle_max, Touch touch)
    : block_bytes_(block_bytes), idle_max_(idle_max) {
  if (touch == Touch::kWhenWritten) return;
  thread_ = std::make_unique<IoThreads>("memory", 1, IoThreads::Scheduling::kOrdinary);
}

BufferPool::~BufferPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  thread_.reset();
  for (std::byte* data : idle_) std::free(data);
}

bool BufferPool::wants_touched() const {
  const size_t in_use = references_ - 1;
  return in_use >= kTouchFrom && in_use + idle_.size() < idle_max_;
}

void BufferPool::Toucher::run(IoScratch&) {
  std::unique_lock lock(pool.mutex_);
  while (pool.wants_touched() && !pool.stopping_) {
    lock.unlock();
    std::byte* const data = allocate_touched(pool.block_bytes_);
    lock.lock();
    pool.idle_.push_back(data);
  }
  pool.touching_ = false;
}

Buffer BufferPool::take() {
  std::byte* data = nullptr;
  bool touch = false;
  {
    const std::lock_guard lock(mutex_);
    ++references_;
    if (!idle_.empty()) {
      data = idle_.back();
      idle_.pop_back();
    }
    touch = thread_ != nullptr && !touching_ && wants_touched();
    if (touch) touching_ = true;
  }
  if (touch) thread_->submit(toucher_);
  if (data == nullptr) data = allocate_block(block_bytes_);
  return Buffer::adopt(data, block_bytes_, *this);
}

size_t BufferPool::idle() const {
  const std::lock_guard lock(mutex_);
  return idle_.size();
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
