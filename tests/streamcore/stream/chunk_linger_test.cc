// When chunks go to a store whose puts take long and are paid one by one.
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using namespace std::chrono_literals;

class ChunkLingerTest : public StreamStoreTest {
 protected:
  void open_with(base::Duration linger_min, base::Duration linger_max) {
    options_.chunk_linger_min = linger_min;
    options_.chunk_linger_max = linger_max;
    options_.idle_empty_chunk_ms = 3'600'000;
    open();
    ASSERT_TRUE(run(*executor_, store_->open_for_append({kA})).has_value());
    puts_before_ = replica_->put_calls;
  }
  uint64_t puts() const { return replica_->put_calls - puts_before_; }
  LogPosition append_some(size_t bytes = 100) { return append(kA, 'x', bytes)->position; }
  // How long it is until this is durable.
  base::Duration wait(LogPosition position) {
    const base::TimePoint begun = executor_->now();
    EXPECT_TRUE(run(*executor_, store_->durable(position)).has_value());
    return executor_->now() - begun;
  }

  uint64_t puts_before_ = 0;
};

TEST_F(ChunkLingerTest, OnADiskNothingWaits) {
  open_with(0ms, 0ms);
  EXPECT_EQ(wait(append_some()), 0ms);
}

TEST_F(ChunkLingerTest, WhatComesAloneWaitsTheShortTime) {
  open_with(50ms, 250ms);
  EXPECT_EQ(wait(append_some()), 50ms);
  executor_->run_for(1s);
  EXPECT_EQ(wait(append_some()), 50ms);
  EXPECT_EQ(puts(), 2u);
}

TEST_F(ChunkLingerTest, ABurstIsOneChunkThatWaitsTheShortTimeFromItsEnd) {
  open_with(50ms, 250ms);
  for (int i = 0; i < 5; ++i) {
    append_some();
    executor_->run_for(20ms);
  }
  EXPECT_EQ(wait(append_some()), 50ms);
  EXPECT_EQ(puts(), 1u);
}

TEST_F(ChunkLingerTest, AChunkThatIsAQuarterFullWaitsTwiceTheShortTime) {
  options_.chunk_bytes_target = 64 << 10;
  open_with(50ms, 250ms);
  EXPECT_EQ(wait(append_some(15'000)), 50ms);
  EXPECT_EQ(wait(append_some(17'000)), 100ms);
}

TEST_F(ChunkLingerTest, AStreamOfHalfChunksWithGapsBeyondTheShortTimeFillsThem) {
  options_.chunk_bytes_target = 64 << 10;
  open_with(50ms, 250ms);
  for (int i = 0; i < 20; ++i) {
    append_some(33'000);
    executor_->run_for(70ms);
  }
  EXPECT_EQ(puts(), 10u);
}

TEST_F(ChunkLingerTest, AStreamOfSmallEntriesIsCutAtTheLongTime) {
  open_with(50ms, 250ms);
  const LogPosition first = append_some();
  for (int i = 0; i < 99; ++i) {
    executor_->run_for(10ms);
    append_some();
    if (i == 24) EXPECT_EQ(wait(first), 0ms);
  }
  EXPECT_EQ(puts(), 3u) << "in 0.99 s, the last chunk is open";
}

TEST_F(ChunkLingerTest, AFullChunkGoesAtOnce) {
  options_.chunk_bytes_target = 64 << 10;
  open_with(50ms, 250ms);
  const LogPosition first = append_some(20'000);
  for (int i = 0; i < 3; ++i) append_some(20'000);
  EXPECT_EQ(wait(first), 0ms);
  EXPECT_EQ(puts(), 1u);
}

TEST_F(ChunkLingerTest, EveryChunkOfABusyStreamIsFull) {
  options_.chunk_bytes_target = 1 << 20;
  open_with(50ms, 250ms);
  LogPosition last;
  for (int i = 0; i < 5 * 100; ++i) last = append_some(250'000);  // the fifth passes the target
  wait(last);
  EXPECT_EQ(puts(), 100u);
}

TEST_F(ChunkLingerTest, AStopWaitsForNoMore) {
  open_with(10min, 20min);
  append_some();
  const base::TimePoint begun = executor_->now();
  ASSERT_TRUE(run(*executor_, store_->stop()).has_value());
  EXPECT_LT(executor_->now() - begun, 1min);
}

TEST_F(ChunkLingerTest, AChunkThatIsOldWhenASlotComesFreeGoesAtOnce) {
  options_.chunk_window = 1;
  open_with(50ms, 250ms);
  replica_->faults.delay_max = 10s;
  append_some();
  executor_->run_for(60ms);
  replica_->faults.delay_max = 0ms;
  const LogPosition second = append_some();
  executor_->run_for(300ms);
  EXPECT_EQ(puts(), 1u);
  wait(second);
  EXPECT_EQ(puts(), 2u);
}

TEST_F(ChunkLingerTest, TheWindowOfAClassHidesWhatAPutTakes) {
  for (const StorageClass storage_class : {StorageClass::kExpress, StorageClass::kStandard}) {
    StreamStoreOptions options;
    use_storage_class(options, storage_class);
    const bool express = storage_class == StorageClass::kExpress;
    const double seconds = express ? 0.040 : 0.400;
    const double rate = static_cast<double>(options.chunk_window * options.chunk_bytes_target) /
                        seconds / (1 << 20);
    EXPECT_GE(rate, 200.0) << "MiB/s";
    EXPECT_LE(rate, 220.0);
    EXPECT_EQ(options.chunk_bytes_target, express ? 512u << 10 : 4u << 20);
  }
  StreamStoreOptions local;
  use_storage_class(local, StorageClass::kLocal);
  EXPECT_EQ(local.chunk_linger_max, base::Duration(0));
  EXPECT_EQ(local.chunk_window, StreamStoreOptions().chunk_window);
}

TEST_F(ChunkLingerTest, ChunksUnderWayTogetherTakeTheTimeOfFew) {
  options_.chunk_bytes_target = 8 << 10;
  options_.chunk_window = 20;
  open_with(50ms, 250ms);
  replica_->faults.delay_max = 200ms;  // there, and back
  LogPosition last;
  for (int i = 0; i < 100; ++i) last = append_some(7'000);
  EXPECT_LT(wait(last), 3s) << "a hundred puts of 200 ms, twenty at a time and in order";
  EXPECT_GE(puts(), 100u);
}

}  // namespace
}  // namespace thalweg
