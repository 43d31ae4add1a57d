#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using base::ErrorCode;

TEST_F(StreamStoreTest, AppendsAreReadBackInOrder) {
  open();
  append_durably(kA, 'a', 100, 3);
  append_durably(kB, 'x');
  append_durably(kA, 'b');
  EXPECT_EQ(read_all(kA), "ab");
  EXPECT_EQ(read_all(kA, Offset(1)), "ab");
  EXPECT_EQ(read_all(kA, Offset(3)), "b");
  EXPECT_EQ(read_all(kB), "x");
}

TEST_F(StreamStoreTest, NothingIsVisibleBeforeItIsDurable) {
  open();
  const auto appended = append(kA, 'a');
  ASSERT_TRUE(appended.has_value());
  EXPECT_EQ(store_->known_bounds(kA)->durable_tail, Offset(0));
  ASSERT_TRUE(run(*executor_, store_->durable(appended->position)).has_value());
  EXPECT_EQ(store_->known_bounds(kA)->durable_tail, Offset(1));
}

TEST_F(StreamStoreTest, AReadBeyondTheTailIsOutOfRange) {
  open();
  append_durably(kA, 'a');
  const auto read = run(*executor_, store_->read(kA, Offset(2), 100));
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kOutOfRange);
}

TEST_F(StreamStoreTest, OffloadedEntriesAreReadFromSegments) {
  options_.memory_tail_bytes_max = 1;
  open();
  for (char tag = 'a'; tag <= 'e'; ++tag) append_durably(kA, tag, 3000);
  append_durably(kB, 'x');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(store_->outstanding_log_bytes(), 0u);
  append_durably(kA, 'f');
  EXPECT_EQ(read_all(kA), "abcdef");
  EXPECT_EQ(read_all(kB), "x");
}

TEST_F(StreamStoreTest, AChunkDamagedInMemoryIsOffloadedFromTheLog) {
  open();
  for (char tag = 'a'; tag <= 'c'; ++tag) append_durably(kA, tag);
  const auto read = run(*executor_, store_->read(kA, Offset(1), 1));
  ASSERT_TRUE(read.has_value());
  const_cast<std::byte&>(read->entries.front().payload.bytes.back()) ^= std::byte{1};
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kError, "chunk damaged in memory"), 1);
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "abc");
}

TEST_F(StreamStoreTest, ACrashKeepsEverythingDurable) {
  open();
  append_durably(kA, 'a');
  append_durably(kB, 'x');
  const LeaderEpoch before = store_->known_bounds(kA)->leader_epoch;
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "a");
  append_durably(kA, 'b');
  EXPECT_EQ(read_all(kA), "ab");
  EXPECT_GT(store_->known_bounds(kA)->leader_epoch, before);
  crash_and_reopen();
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "ab");
  EXPECT_EQ(read_all(kB), "x");
}

TEST_F(StreamStoreTest, UndrainedEpochsDrainInTheBackground) {
  open();
  for (char tag = 'a'; tag <= 'd'; ++tag) {
    append_durably(kA, tag);
    crash_and_reopen();
  }
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(read_all(kA), "abcd");
  const auto annotation = run(*executor_, store_->annotation(kA));
  ASSERT_TRUE(annotation.has_value());
  EXPECT_EQ(folded_count(annotation->annotation), 4u);
  EXPECT_EQ(annotation->end, Offset(4));
}

TEST_F(StreamStoreTest, WhatFollowsTheAnnotationIsKnownWithoutReadingPayloads) {
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  append_durably(kA, 'b');
  append_durably(kA, 'c');
  const auto check = [&] {
    const auto at = run(*executor_, store_->annotation(kA));
    ASSERT_TRUE(at.has_value());
    EXPECT_EQ(folded_count(at->annotation), 1u);
    EXPECT_EQ(at->end, Offset(1));
    ASSERT_EQ(at->after.size(), 2u);
    EXPECT_EQ(at->after[0].header.base, Offset(1));
    EXPECT_EQ(at->after[0].digest[0], static_cast<std::byte>('b'));
    EXPECT_EQ(at->after[1].digest[0], static_cast<std::byte>('c'));
  };
  check();
}

TEST_F(StreamStoreTest, ACleanStopNeedsNoRecovery) {
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->stop()).has_value());
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "a");
}

TEST_F(StreamStoreTest, TrimIsDurableAndMovesTheFirstReadableOffset) {
  open();
  for (char tag = 'a'; tag <= 'd'; ++tag) append_durably(kA, tag);
  ASSERT_TRUE(run(*executor_, store_->trim(kA, Offset(2))).has_value());
  crash_and_reopen();
  EXPECT_EQ(run(*executor_, store_->bounds(kA))->trim_point, Offset(2));
  EXPECT_EQ(read_all(kA, Offset(2)), "cd");
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(read_all(kA, Offset(2)), "cd");
  EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), 4u);
}

TEST_F(StreamStoreTest, ATrimmedAwayStreamKeepsItsTailAndAnnotation) {
  open();
  for (char tag = 'a'; tag <= 'c'; ++tag) append_durably(kA, tag);
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  ASSERT_TRUE(run(*executor_, store_->trim(kA, Offset(3))).has_value());
  crash_and_reopen();
  const auto bounds = run(*executor_, store_->bounds(kA));
  EXPECT_EQ(bounds->durable_tail, Offset(3));
  EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), 3u);
}

TEST_F(StreamStoreTest, ARemovedStreamIsGoneAndItsObjectsFollow) {
  options_.delete_grace_ms = 1000;
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  append_durably(kA, 'b');
  ASSERT_TRUE(run(*executor_, store_->remove({kA})).has_value());
  EXPECT_FALSE(append(kA, 'c').has_value());
  executor_->run_for(std::chrono::seconds(60));
  EXPECT_EQ(segment_count(), 0u);
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "");
}

TEST_F(StreamStoreTest, AStreamThatWasDeletedIsNeverCreatedAgain) {
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  // kB was never written to: it has no row that could tell.
  ASSERT_TRUE(run(*executor_, store_->remove({kA, kB})).has_value());
  for (int i = 0; i < 2; ++i) {
    for (const StreamId stream : {kA, kB}) {
      EXPECT_EQ(append(stream, 'b').error().code, base::ErrorCode::kNotFound);
      EXPECT_FALSE(store_->is_open_for_append(stream));
    }
    executor_->run_for(std::chrono::minutes(5));  // nothing of them is left in memory
    EXPECT_FALSE(store_->known_bounds(kA).has_value());
  }
  EXPECT_TRUE(run(*executor_, metadata_->scan("stream/", "", 10))->empty());
}

TEST_F(StreamStoreTest, AnAppendWithAWrongMatchOffsetChangesNothing) {
  open();
  append_durably(kA, 'a');
  const std::string payload(50, 'z');
  const auto refused = store_->append({.stream = kA,
                                       .payload = base::as_bytes(payload),
                                       .count = 1,
                                       .max_timestamp = 0,
                                       .match_offset = Offset(7),
                                       .fencing_token = std::nullopt});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConditionFailed);
  EXPECT_EQ(read_all(kA), "a");
}

TEST_F(StreamStoreTest, AFencingTokenRefusesTheOldHolder) {
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->fence(kA, "new")).has_value());
  crash_and_reopen();
  ASSERT_TRUE(run(*executor_, store_->open_for_append({kA})).has_value());
  const std::string payload(50, 'z');
  AppendRequest request{.stream = kA,
                        .payload = base::as_bytes(payload),
                        .count = 1,
                        .max_timestamp = 0,
                        .match_offset = std::nullopt,
                        .fencing_token = "old"};
  EXPECT_EQ(store_->append(request).error().code, ErrorCode::kConditionFailed);
  request.fencing_token = "new";
  EXPECT_TRUE(store_->append(request).has_value());
}

TEST_F(StreamStoreTest, ManySmallRangesAreMergedIntoOneSegment) {
  options_.packed_ranges_max = 4;
  options_.memory_tail_bytes_max = 1;
  options_.delete_grace_ms = 1000;
  open();
  for (char tag = 'a'; tag <= 'k'; ++tag) {
    append_durably(kA, tag);
    append_durably(kB, tag);
    ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  }
  EXPECT_EQ(read_all(kA), "abcdefghijk");
  executor_->run_for(std::chrono::seconds(60));
  EXPECT_LE(segment_count(), 8u);
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "abcdefghijk");
  EXPECT_EQ(read_all(kB), "abcdefghijk");
  EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), 11u);
}

TEST_F(StreamStoreTest, RangesThatSharedAnObjectButAreNotSmallAreNotMerged) {
  options_.own_segment_bytes = 50'000;
  options_.small_range_bytes = 1000;
  options_.packed_ranges_max = 2;
  open();
  for (char tag = 'a'; tag <= 'f'; ++tag) {
    append_durably(kA, tag, 5000);
    append_durably(kB, tag, 5000);
    ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  }
  executor_->run_for(std::chrono::seconds(60));
  EXPECT_EQ(segment_count(), 6u);  // one a run, for both streams
  EXPECT_EQ(run(*executor_, metadata_->scan("segment/", "", 100))->size(), 12u);
  EXPECT_EQ(read_all(kA), "abcdef");
}

TEST_F(StreamStoreTest, MuchOfOneStreamBecomesSeveralSegmentsEachWithItsOwnAnnotation) {
  options_.own_segment_bytes = 5000;
  options_.segment_bytes_target = 10'000;
  options_.memory_tail_bytes_max = 1;
  options_.delete_grace_ms = 1000;
  open();
  for (char tag = 'a'; tag <= 'j'; ++tag) append_durably(kA, tag, 5000);
  append_durably(kB, 'b');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(segment_count(), 6u);  // five of the one, one of the other
  EXPECT_EQ(read_all(kA), "abcdefghij");
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "abcdefghij");
  EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), 10u);
  // Each goes when its range is trimmed; the last stays for the annotation.
  ASSERT_TRUE(run(*executor_, store_->trim(kA, Offset(7))).has_value());
  executor_->run_for(std::chrono::seconds(60));
  EXPECT_EQ(segment_count(), 3u);
  ASSERT_TRUE(run(*executor_, store_->trim(kA, Offset(10))).has_value());
  executor_->run_for(std::chrono::seconds(60));
  EXPECT_EQ(segment_count(), 2u);
  append_durably(kA, 'k');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(read_all(kA, Offset(10)), "k");
  EXPECT_EQ(folded_count(run(*executor_, store_->annotation(kA))->annotation), 11u);
}

TEST_F(StreamStoreTest, BackPressureEndsWhenOffloadMakesRoom) {
  options_.outstanding_log_bytes_max = 256 << 10;
  options_.offload_bytes = 64 << 10;
  open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(run(*executor_, store_->admit(ChannelId(0), 20'000, kNoTimeLimit)).has_value());
    append_durably(kA, 'a', 20'000);
    EXPECT_LE(store_->outstanding_log_bytes(), options_.outstanding_log_bytes_max);
  }
  EXPECT_EQ(read_all(kA).size(), 100u);
}

TEST_F(StreamStoreTest, AnEntryLargerThanAChunkTravelsAlone) {
  open();
  append_durably(kA, 'a', 20);
  append_durably(kA, 'b', 9 << 20);
  append_durably(kA, 'c', 20);
  EXPECT_EQ(read_all(kA), "abc");
  crash_and_reopen();
  EXPECT_EQ(read_all(kA), "abc");
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(read_all(kA), "abc");
}

class SeenTail final : public TailWatch {
 public:
  void tail_moved(StreamId, Offset tail) override { seen = tail; }
  Offset seen;
};

TEST_F(StreamStoreTest, AWatchSeesTheTailMove) {
  open();
  SeenTail watch;
  ASSERT_TRUE(run(*executor_, store_->watch(kA, watch)).has_value());
  append_durably(kA, 'a');
  append_durably(kA, 'b');
  EXPECT_EQ(watch.seen, Offset(2));
}

TEST_F(StreamStoreTest, AWatchThatLeavesLeavesTheOthers) {
  open();
  std::vector<std::unique_ptr<SeenTail>> watches;
  for (int i = 0; i < 4; ++i) {
    watches.push_back(std::make_unique<SeenTail>());
    for (const StreamId id : {kA, kB, kA}) {
      ASSERT_TRUE(run(*executor_, store_->watch(id, *watches.back())).has_value());
    }
  }
  watches.erase(watches.begin() + 1);
  watches.erase(watches.begin() + 2);
  append_durably(kA, 'a');
  for (const auto& watch : watches) EXPECT_EQ(watch->seen, Offset(1));
  watches.erase(watches.begin());
  append_durably(kB, 'b');
  append_durably(kB, 'b');
  EXPECT_EQ(watches.front()->seen, Offset(2));
}

// It used to search each stream's list for each of them: minutes.
TEST_F(StreamStoreTest, AWatchOfTheSameStreamsManyTimesLeavesAtOnce) {
  open();
  SeenTail watch;
  ASSERT_TRUE(run(*executor_, store_->watch(kA, watch)).has_value());
  ASSERT_TRUE(run(*executor_, store_->watch(kB, watch)).has_value());
  SeenTail many;
  SeenTail between;
  for (int i = 0; i < 500'000; ++i) {
    ASSERT_TRUE(store_->watch_known(kA, many));
    ASSERT_TRUE(store_->watch_known(kA, between));
  }
}

TEST_F(StreamStoreTest, AStoreThatStopsLetsNobodyWaitForRoom) {
  options_.outstanding_log_bytes_max = 1;
  open();
  append_durably(kA, 'a');
  base::TaskGroup group(*executor_);
  std::optional<base::Status> admitted;
  const auto ask = [](StreamStore& store, std::optional<base::Status>& out) -> base::Task<void> {
    out = co_await store.admit(ChannelId(0), 1 << 20, kNoTimeLimit);
  };
  group.spawn(ask(*store_, admitted));
  EXPECT_FALSE(admitted.has_value());
  store_->request_stop();
  run(*executor_, group.stop_and_join());
  ASSERT_TRUE(admitted.has_value() && !admitted->has_value());
  EXPECT_EQ(admitted->error().code, ErrorCode::kClosed);
}

TEST_F(StreamStoreTest, StreamIdsAreNeverGivenOutTwice) {
  open();
  const StreamId first = *run(*executor_, store_->allocate_streams(10, StorageClass::kLocal));
  crash_and_reopen();
  EXPECT_GE(*run(*executor_, store_->allocate_streams(1, StorageClass::kLocal)), first + 10);
}

// The rows of ranges it finds may be the other's, and one range goes on behind the end it knows.
TEST_F(StreamStoreTest, AnOwnerThatWasTakenOverReadsNoFurtherThanTheEndItKnows) {
  options_.packed_ranges_max = 1;
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  crash_and_reopen();
  EXPECT_EQ(run(*executor_, store_->bounds(kA))->durable_tail, Offset(1));
  std::unique_ptr<StreamStore> deposed = std::move(store_);
  ASSERT_TRUE(open_store().has_value());
  for (const char tag : {'b', 'c', 'd'}) {
    append_durably(kA, tag);
    ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  }
  EXPECT_EQ(read_all(kA), "abcd");
  store_.swap(deposed);
  EXPECT_EQ(read_all(kA), "a");
}

}  // namespace
}  // namespace thalweg
