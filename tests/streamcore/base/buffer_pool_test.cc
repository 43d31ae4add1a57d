#include "streamcore/base/buffer_pool.h"

#include <gtest/gtest.h>

#include <thread>

namespace thalweg::base {
namespace {

constexpr size_t kBlock = 64 * 1024;

class BufferPoolTest : public testing::Test {
 protected:
  void open(BufferPool::Touch touch) { pool_ = BufferPool::create(kBlock, 16, touch); }
  ~BufferPoolTest() override {
    pool_->release();
    taken_.clear();
  }
  void take(size_t count) {
    for (size_t i = 0; i < count; ++i) taken_.push_back(pool_->take());
  }
  // Ends by the test's time limit if it never comes to that.
  void wait_for_idle(size_t count) {
    while (pool_->idle() != count) std::this_thread::yield();
  }

  BufferPool* pool_ = nullptr;
  std::vector<Buffer> taken_;
};

TEST_F(BufferPoolTest, ABlockThatWasDroppedIsTheNextOneTaken) {
  open(BufferPool::Touch::kWhenWritten);
  take(2);
  const std::byte* const data = taken_.back().data();
  taken_.pop_back();
  EXPECT_EQ(pool_->idle(), 1u);
  take(1);
  EXPECT_EQ(taken_.back().data(), data);
}

TEST_F(BufferPoolTest, NothingIsMadeReadyUnlessAskedForNorForAFewBlocks) {
  open(BufferPool::Touch::kWhenWritten);
  take(8);
  EXPECT_EQ(pool_->idle(), 0u);
  pool_->release();
  taken_.clear();
  open(BufferPool::Touch::kAhead);
  take(3);
  EXPECT_EQ(pool_->idle(), 0u);
}

TEST_F(BufferPoolTest, OnceAFewAreInUseTheRestIsMadeReady) {
  open(BufferPool::Touch::kAhead);
  take(4);
  wait_for_idle(12);
  take(12);
  EXPECT_EQ(pool_->idle(), 0u);
  take(1);
  EXPECT_EQ(pool_->idle(), 0u);
}

TEST_F(BufferPoolTest, BuffersThatOutliveTheOwnerAreDroppedOnOtherThreads) {
  open(BufferPool::Touch::kAhead);
  take(12);
  pool_->release();
  {
    const std::jthread other([buffers = std::move(taken_)] {});
  }
  taken_.clear();
  open(BufferPool::Touch::kWhenWritten);
}

}  // namespace
}  // namespace thalweg::base
