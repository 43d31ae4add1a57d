#include "streamcore/channel/chunk_arena.h"

#include <gtest/gtest.h>

#include <utility>

namespace thalweg::channel {
namespace {

constexpr size_t kBlock = 1 << 20;
constexpr size_t kPage = base::kIoAlignment;

class ChunkArenaTest : public testing::Test {
 protected:
  ~ChunkArenaTest() override { let_go(); }
  void let_go() {
    if (pool_ != nullptr) std::exchange(pool_, nullptr)->release();
  }
  base::BufferPool* pool_ = base::BufferPool::create(kBlock, 1);
};

TEST_F(ChunkArenaTest, SmallChunksShareABlock) {
  ChunkArena arena(*pool_);
  const base::Slice first = arena.take(100);
  EXPECT_EQ(first.bytes.size(), kBlock);
  arena.give_back(first, kPage);
  const base::Slice second = arena.take(100);
  EXPECT_EQ(second.owner.data(), first.owner.data());
  EXPECT_EQ(second.bytes.data(), first.bytes.data() + kPage);
  EXPECT_EQ(second.bytes.size(), kBlock - kPage);
}

TEST_F(ChunkArenaTest, WhatIsNotGivenBackIsNotGivenOut) {
  ChunkArena arena(*pool_);
  const base::Slice first = arena.take(100);
  const base::Slice second = arena.take(100);
  EXPECT_NE(first.owner.data(), second.owner.data());
  // Only the newest region can be cut short: the older one's block is no longer open.
  arena.give_back(first, kPage);
  const base::Slice third = arena.take(100);
  EXPECT_NE(third.owner.data(), first.owner.data());
}

TEST_F(ChunkArenaTest, ARequestThatDoesNotFitTheRestTakesANewBlock) {
  ChunkArena arena(*pool_);
  const base::Slice first = arena.take(100);
  arena.give_back(first, kBlock - kPage);
  const base::Slice second = arena.take(2 * kPage);
  EXPECT_NE(second.owner.data(), first.owner.data());
  EXPECT_EQ(second.bytes.size(), kBlock);
}

TEST_F(ChunkArenaTest, AChunkLargerThanABlockGetsMemoryOfItsOwn) {
  ChunkArena arena(*pool_);
  const base::Slice small = arena.take(100);
  arena.give_back(small, kPage);
  const base::Slice large = arena.take(3 * kBlock);
  EXPECT_GE(large.bytes.size(), 3 * kBlock);
  arena.give_back(large, 2 * kBlock);  // changes nothing: it is not shared
  EXPECT_EQ(arena.take(100).bytes.data(), small.bytes.data() + kPage);
}

TEST_F(ChunkArenaTest, EveryRegionIsAligned) {
  ChunkArena arena(*pool_);
  for (size_t pages = 1; pages < 20; ++pages) {
    const base::Slice region = arena.take(pages * 1000);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(region.bytes.data()) % kPage, 0u);
    arena.give_back(region, pages * kPage);
  }
}

TEST_F(ChunkArenaTest, ABlockIsUsedAgainOnceItsLastChunkIsGone) {
  ChunkArena arena(*pool_);
  const std::byte* block = nullptr;
  {
    const base::Slice first = arena.take(100);
    block = first.owner.data();
  }
  const base::Slice second = arena.take(100);  // the arena let go of the first block here
  EXPECT_NE(second.owner.data(), block);
  EXPECT_EQ(arena.take(100).owner.data(), block);
}

TEST_F(ChunkArenaTest, ChunksOutliveTheArenaAndItsPool) {
  base::Slice chunk;
  {
    ChunkArena arena(*pool_);
    chunk = arena.take(100);
    chunk.owner.data()[0] = std::byte{7};
  }
  let_go();
  EXPECT_EQ(chunk.bytes[0], std::byte{7});
}

}  // namespace
}  // namespace thalweg::channel
