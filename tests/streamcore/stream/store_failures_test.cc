// What the store does when its disk is full, damaged, or another one.
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/failing_object_store.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using base::ErrorCode;

class StoreFailuresTest : public StreamStoreTest {
 protected:
  ~StoreFailuresTest() override { crash(); }

  object_store::ObjectStore& store_objects() override { return *failing_; }
  object_store::ObjectStore& metadata_objects() override {
    failing_ = std::make_unique<object_store::FailingObjectStore>(*objects_, *executor_, random_);
    return *failing_;
  }

  void let_puts_through(int count) {
    for (int i = 0; i < count; ++i) failing_->fail_next_put(object_store::PutFault::kNone);
  }
  // An entry to each, durable.
  std::vector<StreamId> append_to_each_of(uint64_t count) {
    std::vector<StreamId> streams;
    for (uint64_t i = 1; i <= count; ++i) streams.push_back(StreamId(i));
    EXPECT_TRUE(run(*executor_, store_->open_for_append(streams)).has_value());
    for (const StreamId stream : streams) EXPECT_TRUE(append(stream, 'a').has_value());
    EXPECT_TRUE(run(*executor_, store_->durable(store_->last_position(ChannelId(0)))).has_value());
    return streams;
  }
  // Until an offload gets through. How many did not.
  int offload_until_done(int runs_max) {
    for (int runs = 0; runs < runs_max; ++runs) {
      if (run(*executor_, store_->offload_all()).has_value()) return runs;
    }
    return runs_max;
  }

  std::unique_ptr<object_store::FailingObjectStore> failing_;
};

TEST_F(StoreFailuresTest, ALogThatIsNotTheOneTheMetadataKnowsIsRefused) {
  open();
  append_durably(kA, 'a');
  store_.reset();
  chunks_.wipe(12);
  const base::Status opened = open_store();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().message.find("expected incarnation 11, got 12"), std::string::npos)
      << opened.error().message;
  EXPECT_NE(opened.error().message.find("Mount or restore"), std::string::npos);
}

TEST_F(StoreFailuresTest, ADamagedChunkStopsTheChannelWithAnErrorAndTheRestIsRead) {
  options_.memory_tail_bytes_max = 1;
  open();
  for (char tag = 'a'; tag <= 'c'; ++tag) append_durably(kA, tag);
  append_durably(kB, 'x');
  const ChannelEpoch epoch(1);
  chunks_.damage({.channel = options_.channel, .epoch = epoch, .seq = ChunkSeq(1)}, 3000);
  executor_->run_for(std::chrono::seconds(20));  // offload is due
  EXPECT_TRUE(store_->stopped(ChannelId(0)));
  const auto refused = append(kA, 'd');
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(refused.error().message.find("CRC"), std::string::npos) << refused.error().message;
  EXPECT_EQ(run(*executor_, store_->admit(ChannelId(0), 1 << 20, kNoTimeLimit)).error().code,
            ErrorCode::kCorrupt);
  base::expect_error_line("chunk copy is corrupt");
  base::expect_error_line("stopped, no more appends: offload:");
  EXPECT_EQ(read_all(kB), "x");
  EXPECT_TRUE(run(*executor_, store_->read(kA, Offset(0), 1)).has_value());
}

TEST_F(StoreFailuresTest, ATrimThatOvertakesAReadOfTheLogLeavesNoGapInWhatIsRead) {
  options_.memory_tail_bytes_max = 1;
  for (const uint64_t to : {2, 3}) {
    open();
    const StreamId stream(kA.value + 100 * to);
    for (char tag = 'a'; tag <= 'c'; ++tag) append_durably(stream, tag);
    append_durably(kB, 'x');  // the newest chunk is always in memory
    replica_->faults.delay_max = std::chrono::hours(1);
    base::TaskRunner read(store_->read(stream, Offset(0), 1 << 20));
    replica_->faults.delay_max = base::Duration(0);
    ASSERT_TRUE(run(*executor_, store_->trim(stream, Offset(to))).has_value());
    ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
    ASSERT_FALSE(read.done());
    while (!read.done()) ASSERT_TRUE(executor_->step());
    const auto got = read.take();
    ASSERT_FALSE(got.has_value()) << got->entries.front().header.base.value;
    EXPECT_EQ(got.error().code, ErrorCode::kOutOfRange) << got.error().message;
    crash();
  }
}

TEST_F(StoreFailuresTest, AnEntryThatATrimCutsIsReadFromItsSegmentWhenItsChunkWent) {
  options_.memory_tail_bytes_max = 1;
  open();
  append_durably(kA, 'a', 100, 5);
  append_durably(kB, 'x');
  ASSERT_TRUE(run(*executor_, store_->trim(kA, Offset(3))).has_value());
  replica_->faults.delay_max = std::chrono::hours(1);
  base::TaskRunner read(store_->read(kA, Offset(3), 1 << 20));
  replica_->faults.delay_max = base::Duration(0);
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  ASSERT_FALSE(read.done());
  while (!read.done()) ASSERT_TRUE(executor_->step());
  const auto got = read.take();
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->entries.front().header.base, Offset(0));
}

TEST_F(StoreFailuresTest, OffloadsThatFailForSpaceKeepWhatWasUploadedAndLeaveNothingElse) {
  options_.own_segment_bytes = 1;  // an object for each stream
  open();
  append_durably(kA, 'a');
  append_durably(kB, 'b');
  const auto rows = [&] { return run(*executor_, metadata_->scan("object/", "", 100))->size(); };
  for (int i = 0; i < 5; ++i) {
    let_puts_through(i == 0 ? 3 : 0);  // ids, their rows, the first object
    failing_->fail_next_put(object_store::PutFault::kNoSpace);
    EXPECT_EQ(run(*executor_, store_->offload_all()).error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(segment_count(), 1u);
    EXPECT_EQ(rows(), 2u);  // also of the object that was never uploaded
    EXPECT_EQ(run(*executor_, store_->bounds(kA))->committed_end, Offset(1));
  }
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(rows(), 2u);
  EXPECT_EQ(read_all(kA), "a");
  EXPECT_EQ(read_all(kB), "b");
}

TEST_F(StoreFailuresTest, AnOffloadOfManyObjectsGetsDoneThoughSomeUploadsAlwaysFail) {
  constexpr uint64_t kStreams = 300;  // not one run in ten thousand uploads them all
  options_.own_segment_bytes = 1;     // an object for each stream
  options_.offload_interval_ms = 3'600'000;
  open();
  const std::vector<StreamId> streams = append_to_each_of(kStreams);
  failing_->set_late_max(std::chrono::seconds(1));
  failing_->set_rates({.unknown_before = 15, .unknown_after = 10, .unknown_later = 5});
  const int failed = offload_until_done(100);
  EXPECT_GT(failed, 0);
  EXPECT_LT(failed, 40);
  failing_->set_rates({});
  EXPECT_FALSE(store_->stopped(ChannelId(0)));
  crash_and_reopen();
  for (const StreamId stream : streams) ASSERT_EQ(read_all(stream), "a") << stream.value;
}

TEST_F(StoreFailuresTest, AnOffloadOfManyChunksGetsDoneThoughSomeReadsAlwaysFail) {
  options_.memory_tail_bytes_max = 1;
  options_.offload_interval_ms = 3'600'000;
  open();
  for (int i = 0; i < 100; ++i) append_durably(kA, 'a');
  replica_->faults.lost_request_percent = 10;
  EXPECT_LT(offload_until_done(100), 40);
  EXPECT_EQ(run(*executor_, store_->bounds(kA))->committed_end, Offset(100));
}

TEST_F(StoreFailuresTest, AStreamOfManyObjectsIsCommittedUpToTheFirstThatIsMissing) {
  options_.own_segment_bytes = 5000;
  options_.segment_bytes_target = 10'000;
  options_.offload_interval_ms = 3'600'000;
  open();
  for (char tag = 'a'; tag <= 'j'; ++tag) append_durably(kA, tag, 5000);
  let_puts_through(4);  // ids, their rows, two objects of two entries
  failing_->fail_next_put(object_store::PutFault::kUnknownBefore);
  EXPECT_EQ(run(*executor_, store_->offload_all()).error().code, ErrorCode::kUnknownOutcome);
  const auto half = run(*executor_, store_->annotation(kA));
  EXPECT_EQ(half->end, Offset(4));
  EXPECT_EQ(folded_count(half->annotation), 4u);
  EXPECT_EQ(half->after.size(), 6u);
  EXPECT_EQ(read_all(kA), "abcdefghij");
  for (int i = 0; i < 2; ++i) {
    crash_and_reopen();  // from the log, then without it
    EXPECT_EQ(read_all(kA), "abcdefghij");
    ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
    EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), 10u);
  }
}

TEST_F(StoreFailuresTest, ASplitCommitThatFailsHalfWayGoesOnFromThere) {
  constexpr uint64_t kStreams = 4000;  // more rows than one transaction takes
  open();
  const std::vector<StreamId> streams = append_to_each_of(kStreams);
  for (int i = 0; i < 4; ++i) failing_->fail_next_put(object_store::PutFault::kNone);
  failing_->fail_next_put(object_store::PutFault::kNoSpace);
  EXPECT_EQ(run(*executor_, store_->offload_all()).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(run(*executor_, store_->bounds(streams.front()))->committed_end, Offset(1));
  EXPECT_EQ(run(*executor_, store_->bounds(streams.back()))->committed_end, Offset(0));
  EXPECT_EQ(read_all(streams.front()), "a");
  const base::Status rest = run(*executor_, store_->offload_all());
  ASSERT_TRUE(rest.has_value()) << rest.error().message;
  EXPECT_FALSE(store_->stopped(ChannelId(0)));
  crash_and_reopen();
  for (const StreamId stream : {streams.front(), streams[kStreams / 2], streams.back()}) {
    EXPECT_EQ(read_all(stream), "a");
    EXPECT_EQ(folded_count(run(*executor_, store_->annotation(stream))->annotation), 1u);
  }
}

TEST_F(StoreFailuresTest, WhatWasOffloadedAndNotFreedIsFreedByTheStart) {
  open();
  append_durably(kA, 'a');
  replica_->faults.down = true;  // the chunks cannot be removed
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  crash();
  ASSERT_FALSE(chunks_.list(options_.channel, ChannelEpoch(1)).empty());
  open();
  for (const chunk::ChunkKey& key : chunks_.list(options_.channel, ChannelEpoch(1))) {
    EXPECT_EQ(chunk::decode_header(chunks_.get(key)->bytes)->kind, chunk::ChunkKind::kSeal);
  }
}

TEST_F(StoreFailuresTest, NobodyPassesAnEntryThatWaitsForRoom) {
  options_.outstanding_log_bytes_max = 64 << 10;
  options_.offload_interval_ms = 3'600'000;
  open();
  append_durably(kA, 'a', 40 << 10);
  ASSERT_TRUE(store_->admits(ChannelId(0), 1000));
  failing_->set_down(true);  // no offload
  base::TaskRunner<base::Status> large(store_->admit(ChannelId(0), 40 << 10, kNoTimeLimit));
  base::TaskRunner<base::Status> small(store_->admit(ChannelId(0), 1000, kNoTimeLimit));
  EXPECT_FALSE(store_->admits(ChannelId(0), 1000));
  executor_->run_for(std::chrono::seconds(1));
  EXPECT_FALSE(large.done());
  EXPECT_FALSE(small.done());
  failing_->set_down(false);
  executor_->run_for(std::chrono::seconds(2));
  EXPECT_TRUE(large.done());
  EXPECT_TRUE(small.done());
}

TEST_F(StoreFailuresTest, WhoWaitsForRoomGivesUpInTime) {
  options_.outstanding_log_bytes_max = 64 << 10;
  options_.offload_interval_ms = 3'600'000;
  open();
  append_durably(kA, 'a', 40 << 10);
  failing_->set_down(true);  // no offload
  base::TaskRunner<base::Status> patient(
      store_->admit(ChannelId(0), 40 << 10, std::chrono::seconds(20)));
  base::TaskRunner<base::Status> hasty(store_->admit(ChannelId(0), 1000, std::chrono::seconds(3)));
  executor_->run_for(std::chrono::seconds(22));
  ASSERT_TRUE(patient.done() && hasty.done());
  EXPECT_EQ(patient.take().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(hasty.take().has_value());  // its turn came late, and there was room
  EXPECT_TRUE(store_->admits(ChannelId(0), 1000));
}

TEST_F(StoreFailuresTest, SmallRangesAreMergedWhereverTheyLie) {
  options_.packed_ranges_max = 6;
  options_.own_segment_bytes = 10'000;
  options_.memory_tail_bytes_max = 1;
  open();
  std::string expected;
  for (int round = 0; round < 8; ++round) {
    for (const size_t bytes : {100, 100, 100, 10'000}) {
      append_durably(kA, 'a', bytes);
      expected.push_back('a');
      ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
    }
  }
  // Each three small ones became one: 8 of these, and 8 of their own.
  EXPECT_EQ(run(*executor_, metadata_->scan("segment/", "", 100))->size(), 16u);
  EXPECT_EQ(read_all(kA), expected);
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), expected);
  EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), expected.size());
}

}  // namespace
}  // namespace thalweg
