#include "streamcore/segment/block_cache.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_executor.h"
#include "tests/streamcore/segment/entry_source.h"

namespace thalweg::segment {
namespace {

using base::ErrorCode;
using base::Result;
using base::Slice;

constexpr size_t kPage = base::kIoAlignment;  // what a buffer of few bytes takes

class BlockCacheTest : public testing::Test {
 protected:
  static void fill(BlockCache& cache, uint64_t position) {
    std::vector<Result<Slice>> blocks;
    blocks.push_back(slice_of("block"));
    cache.start({{ObjectId(1), position}}).finish(std::move(blocks));
  }
  void fill(uint64_t position) { fill(cache_, position); }
  bool cached(uint64_t position) { return cache_.has({ObjectId(1), position}); }

  sim::SimExecutor executor_;
  BlockCache cache_{executor_, 3 * kPage};
};

TEST_F(BlockCacheTest, LeastRecentlyUsedBlockGoesFirst) {
  for (const uint64_t position : {1, 2, 3}) fill(position);
  EXPECT_TRUE(cache_.look_up({ObjectId(1), 1}).has_value());
  fill(4);
  EXPECT_TRUE(cached(1));
  EXPECT_FALSE(cached(2));
  EXPECT_EQ(cache_.bytes(), 3 * kPage);
  EXPECT_EQ(cache_.counts().evicted, 1u);
}

TEST_F(BlockCacheTest, WhatWasPassedGoesFirstUnlessSomebodyLooksItUp) {
  BlockCache wide(executor_, 12 * kPage);
  for (uint64_t position = 1; position <= 12; ++position) fill(wide, position);
  for (const uint64_t position : {7, 8, 9}) wide.pass({ObjectId(1), position});
  EXPECT_TRUE(wide.look_up({ObjectId(1), 7}).has_value());
  fill(wide, 13);
  EXPECT_FALSE(wide.has({ObjectId(1), 8})) << "passed longest ago, and not looked up since";
  fill(wide, 14);
  EXPECT_FALSE(wide.has({ObjectId(1), 9}));
  fill(wide, 15);
  EXPECT_FALSE(wide.has({ObjectId(1), 1})) << "nothing passed is left: least recently used";
  EXPECT_TRUE(wide.has({ObjectId(1), 7}));
  EXPECT_EQ(wide.bytes(), 12 * kPage);
}

TEST_F(BlockCacheTest, WhatWasPassedTakesAShareOfTheCacheOnly) {
  BlockCache wide(executor_, 12 * kPage);
  for (uint64_t position = 1; position <= 6; ++position) {
    fill(wide, position);
    wide.pass({ObjectId(1), position});
    wide.pass({ObjectId(1), position});
  }
  EXPECT_EQ(wide.bytes(), 12 / kPassedShare * kPage);
  EXPECT_TRUE(wide.has({ObjectId(1), 6}));
  EXPECT_FALSE(wide.has({ObjectId(1), 3}));
}

TEST_F(BlockCacheTest, SliceOutlivesTheEvictionOfItsBlock) {
  fill(1);
  const Slice kept = cache_.look_up({ObjectId(1), 1})->slice;
  for (const uint64_t position : {2, 3, 4}) fill(position);
  EXPECT_FALSE(cached(1));
  EXPECT_EQ(base::as_chars(kept.bytes), "block");
}

TEST_F(BlockCacheTest, BlocksOfOneBufferAreCountedOnceAndEvictedTogether) {
  const Slice run = slice_of("firstsecond");
  std::vector<Result<Slice>> blocks;
  blocks.push_back(Slice{run.owner, run.bytes.first(5)});
  blocks.push_back(Slice{run.owner, run.bytes.subspan(5)});
  cache_.start({{ObjectId(1), 1}, {ObjectId(1), 6}}).finish(std::move(blocks));
  EXPECT_EQ(cache_.bytes(), kPage);
  for (const uint64_t position : {20, 30, 40}) fill(position);
  EXPECT_FALSE(cached(1));
  EXPECT_FALSE(cached(6));
}

TEST_F(BlockCacheTest, FillLargerThanTheCacheIsHandedOutButNotKept) {
  std::vector<Result<Slice>> blocks;
  blocks.push_back(slice_of(std::string(4 * kPage, 'x')));
  auto pending = cache_.start({{ObjectId(1), 1}});
  const auto lookup = pending.look_up(0);
  std::move(pending).finish(std::move(blocks));
  EXPECT_EQ(sim::run(executor_, BlockCache::wait(lookup))->bytes.size(), 4 * kPage);
  EXPECT_FALSE(cached(1));
  EXPECT_EQ(cache_.bytes(), 0u);
}

TEST_F(BlockCacheTest, FailureIsToldToAllWaitersAndForgotten) {
  auto pending = cache_.start({{ObjectId(1), 1}});
  const auto one = cache_.look_up({ObjectId(1), 1});
  const auto two = cache_.look_up({ObjectId(1), 1});
  std::vector<Result<Slice>> blocks;
  blocks.push_back(base::fail(ErrorCode::kUnavailable, "away"));
  std::move(pending).finish(std::move(blocks));
  EXPECT_EQ(sim::run(executor_, BlockCache::wait(*one)).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(sim::run(executor_, BlockCache::wait(*two)).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(cache_.counts().joined, 2u);
  EXPECT_FALSE(cached(1));
}

TEST_F(BlockCacheTest, DroppedFillTellsItsWaitersThatItIsClosed) {
  std::optional<BlockCache::Lookup> lookup;
  {
    const auto pending = cache_.start({{ObjectId(1), 1}});
    lookup = cache_.look_up({ObjectId(1), 1});
  }
  EXPECT_EQ(sim::run(executor_, BlockCache::wait(*lookup)).error().code, ErrorCode::kClosed);
  EXPECT_FALSE(cached(1));
}

}  // namespace
}  // namespace thalweg::segment
