#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/object_store/memory_object_store.h"
#include "streamcore/stream_store.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/chunk/memory_replica.h"

namespace thalweg {
namespace {

using base::ErrorCode;
using sim::run;

// Payloads begin with the offset and leader epoch they were stamped with; the annotation is the
// number of entries and a running sum of their payloads' last bytes.
class CountingRules final : public EntryRules {
 public:
  void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const override {
    std::memcpy(payload, &base.value, 8);
    std::memcpy(payload + 8, &epoch.value, 4);
  }
  EntryDigest digest(base::ByteView payload) const override { return {payload.back()}; }
  std::string fold(base::ByteView previous, std::span<const DigestedEntry> entries) const override {
    uint64_t state[2] = {0, 0};
    if (!previous.empty()) std::memcpy(state, previous.data(), sizeof(state));
    for (const DigestedEntry& entry : entries) {
      ++state[0];
      state[1] += static_cast<uint64_t>(entry.digest[0]);
    }
    return std::string(reinterpret_cast<const char*>(state), sizeof(state));
  }
};

uint64_t folded_count(const std::string& annotation) {
  uint64_t count = 0;
  if (!annotation.empty()) std::memcpy(&count, annotation.data(), 8);
  return count;
}

// One process on stores that outlive it. A crash destroys every frame, then the executor with all
// it had queued.
class StreamStoreTest : public testing::Test {
 protected:
  ~StreamStoreTest() override { crash(); }

  void open() {
    executor_ = std::make_unique<sim::SimExecutor>(now_);
    clock_ = std::make_unique<sim::SimClock>(*executor_);
    if (!objects_) objects_ = std::make_unique<object_store::MemoryObjectStore>(*executor_);
    objects_->attach(*executor_);
    replica_ = std::make_unique<chunk::MemoryReplica>(chunks_, *executor_, random_);
    auto metadata = run(*executor_, metadata::ObjectLogMetadataStore::open(
                                        *executor_, *objects_, random_, {.single_writer = true}));
    ASSERT_TRUE(metadata.has_value()) << metadata.error().message;
    metadata_ = std::move(*metadata);
    auto opened = run(*executor_, StreamStore::open({.executor = *executor_,
                                                     .clock = *clock_,
                                                     .random = random_,
                                                     .objects = *objects_,
                                                     .metadata = *metadata_,
                                                     .replicas = {replica_.get()},
                                                     .rules = rules_},
                                                    options_));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_ = std::move(*opened);
  }
  void crash() {
    store_.reset();
    metadata_.reset();
    replica_.reset();
    if (executor_) now_ = executor_->now();
    executor_.reset();
  }
  void crash_and_reopen() {
    crash();
    open();
  }

  size_t segment_count() { return run(*executor_, objects_->list("segment/", ""))->objects.size(); }

  base::Result<Appended> append(StreamId stream, char tag, size_t bytes = 100, uint32_t count = 1) {
    const base::Status ready = run(*executor_, store_->open_for_append({stream}));
    if (!ready.has_value()) return std::unexpected(ready.error());
    const std::string payload(bytes, tag);
    return store_->append({.stream = stream,
                           .payload = base::as_bytes(payload),
                           .count = count,
                           .max_timestamp = tag,
                           .match_offset = std::nullopt,
                           .fencing_token = std::nullopt});
  }
  void append_durably(StreamId stream, char tag, size_t bytes = 100, uint32_t count = 1) {
    const auto appended = append(stream, tag, bytes, count);
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
    const base::Status durable = run(*executor_, store_->durable(appended->position));
    ASSERT_TRUE(durable.has_value()) << durable.error().message;
  }
  // The tags of everything readable from `from` on, and a check that offsets follow each other.
  std::string read_all(StreamId stream, Offset from = Offset(0)) {
    std::string tags;
    for (;;) {
      const auto read = run(*executor_, store_->read(stream, from, 1 << 20));
      EXPECT_TRUE(read.has_value()) << read.error().message;
      if (!read.has_value() || read->entries.empty()) return tags;
      for (const EntryRef& entry : read->entries) {
        EXPECT_TRUE(entry.header.base <= from && from < entry.header.end());
        uint64_t stamped = 0;
        std::memcpy(&stamped, entry.payload.bytes.data(), 8);
        EXPECT_EQ(stamped, entry.header.base.value);
        tags.push_back(static_cast<char>(entry.payload.bytes.back()));
        from = entry.header.end();
      }
    }
  }

  base::TimePoint now_{};
  base::SeededRandom random_{7};
  chunk::MemoryStore chunks_{11};
  CountingRules rules_;
  StreamStoreOptions options_;
  std::unique_ptr<object_store::MemoryObjectStore> objects_;
  std::unique_ptr<sim::SimExecutor> executor_;
  std::unique_ptr<sim::SimClock> clock_;
  std::unique_ptr<chunk::MemoryReplica> replica_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<StreamStore> store_;
};

constexpr StreamId kA{1};
constexpr StreamId kB{2};

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

TEST_F(StreamStoreTest, FindsTheFirstEntryAtOrAfterATimestamp) {
  open();
  for (char tag = 'a'; tag <= 'd'; ++tag) append_durably(kA, tag);
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  for (char tag = 'e'; tag <= 'g'; ++tag) append_durably(kA, tag);
  for (char tag = 'a'; tag <= 'g'; ++tag) {
    const auto found = run(*executor_, store_->find_timestamp(kA, tag));
    ASSERT_TRUE(found.has_value() && found->has_value()) << tag;
    EXPECT_EQ((*found)->header.base.value, static_cast<uint64_t>(tag - 'a'));
  }
  EXPECT_FALSE(run(*executor_, store_->find_timestamp(kA, 'z'))->has_value());
  EXPECT_EQ(run(*executor_, store_->max_timestamp(kA)), base::Timestamp('g'));
}

TEST_F(StreamStoreTest, RetentionDropsWholeSegmentsBySizeAndAge) {
  open();
  for (char tag = 'a'; tag <= 'c'; ++tag) {
    append_durably(kA, tag, 1000);
    ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  }
  auto trimmed =
      run(*executor_, store_->retain(kA, {.max_age_ms = std::nullopt, .max_bytes = 1500}));
  EXPECT_EQ(trimmed, Offset(1));
  EXPECT_EQ(read_all(kA, Offset(1)), "bc");
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

TEST_F(StreamStoreTest, BackPressureEndsWhenOffloadMakesRoom) {
  options_.outstanding_log_bytes_max = 256 << 10;
  options_.offload_bytes = 64 << 10;
  open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(run(*executor_, store_->admit(20'000)).has_value());
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

TEST_F(StreamStoreTest, StreamIdsAreNeverGivenOutTwice) {
  open();
  const StreamId first = *run(*executor_, store_->allocate_streams(10));
  crash_and_reopen();
  EXPECT_GE(*run(*executor_, store_->allocate_streams(1)), first + 10);
}

}  // namespace
}  // namespace thalweg
