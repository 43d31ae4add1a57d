// BufferPool: blocks of one size, re-used. Buffers may outlive the pool's owner and be dropped on
// any thread, so the pool itself goes when both its owner and the last buffer are gone.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/io_thread.h"

namespace thalweg::base {

class BufferPool final : public Buffer::Recycler {
 public:
  // The kernel clears memory when it is first written to, some milliseconds a block, and whoever
  // writes waits. kAhead: once a few blocks are in use, a thread of the pool's own makes the rest
  // ready, up to `idle_max` in all.
  enum class Touch { kWhenWritten, kAhead };

  // Keeps at most `idle_max` unused blocks of `block_bytes` (a multiple of kIoAlignment).
  static BufferPool* create(size_t block_bytes, size_t idle_max,
                            Touch touch = Touch::kWhenWritten) {
    return new BufferPool(block_bytes, idle_max, touch);
  }
  size_t block_bytes() const { return block_bytes_; }
  Buffer take();
  // The owner lets go.
  void release();

  void recycle(std::byte* data, size_t capacity) override;
  size_t idle() const;

 private:
  // Touches blocks until enough are ready.
  struct Toucher final : IoJob {
    explicit Toucher(BufferPool& owner) : pool(owner) {}
    void run(IoScratch& scratch) override;
    BufferPool& pool;
  };

  BufferPool(size_t block_bytes, size_t idle_max, Touch touch);
  ~BufferPool() override;
  bool wants_touched() const;
  void drop_reference(std::unique_lock<std::mutex> lock);

  const size_t block_bytes_;
  const size_t idle_max_;
  mutable std::mutex mutex_;  // readers on other cores drop buffers
  std::vector<std::byte*> idle_;
  size_t references_ = 1;  // the owner, and each block in use
  Toucher toucher_{*this};
  bool touching_ = false;
  bool stopping_ = false;
  std::unique_ptr<IoThreads> thread_;  // kAhead only
};

}  // namespace thalweg::base
