// Timestamps: what they find, and what retention makes of them.
#include "tests/streamcore/stream/held_reads.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

TEST_F(StreamStoreTest, FindsTheFirstEntryAtOrAfterATimestamp) {
  open();
  for (char tag = 'a'; tag <= 'd'; ++tag) append_durably(kA, tag);
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  for (char tag = 'e'; tag <= 'g'; ++tag) append_durably(kA, tag);
  for (char tag = 'a'; tag <= 'g'; ++tag) {
    const auto found = run(*executor_, store_->find_timestamp(kA, tag, Offset(0)));
    ASSERT_TRUE(found.has_value() && found->has_value()) << tag;
    EXPECT_EQ((*found)->header.base.value, static_cast<uint64_t>(tag - 'a'));
  }
  EXPECT_FALSE(run(*executor_, store_->find_timestamp(kA, 'z', Offset(0)))->has_value());
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

class StreamTimes : public StreamStoreTest {
 protected:
  object_store::ObjectStore& store_objects() override {
    reads_ = std::make_unique<HeldReads>(*executor_, *objects_);
    return *reads_;
  }
  Offset retain(RetentionPolicy policy) { return *run(*executor_, store_->retain(kA, policy)); }
  void offload() { ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value()); }
  std::optional<Offset> find(base::Timestamp time, Offset from) {
    const auto found = run(*executor_, store_->find_timestamp(kA, time, from));
    EXPECT_TRUE(found.has_value());
    if (!found->has_value()) return std::nullopt;
    return (*found)->header.base;
  }

  std::unique_ptr<HeldReads> reads_;
};

TEST_F(StreamTimes, ASearchGoesOnBehindAnEntry) {
  open();
  for (char tag = 'a'; tag <= 'd'; ++tag) append_durably(kA, tag, 100, 2);
  for (int offloaded = 0; offloaded < 2; ++offloaded) {
    EXPECT_EQ(find('b', Offset(0)), Offset(2));
    EXPECT_EQ(find('b', Offset(3)), Offset(2));
    EXPECT_EQ(find('b', Offset(4)), Offset(4));
    EXPECT_EQ(find('b', Offset(8)), std::nullopt);
    offload();
  }
}

base::Task<void> find_into(StreamStore& store, base::Timestamp time, std::optional<Offset>& into) {
  const auto found = co_await store.find_timestamp(kA, time, Offset(0));
  if (found.has_value() && found->has_value()) into = (*found)->header.base;
}

TEST_F(StreamTimes, ASearchFindsWhatLeavesTheTailMeanwhile) {
  options_.memory_tail_bytes_max = 1;
  open();
  append_durably_at(kA, 100, 'a');
  append_durably_at(kA, 1, 'b');
  offload();
  ASSERT_TRUE(run(*executor_, store_->trim(kA, Offset(1))).has_value());
  append_durably_at(kA, 60, 'c');
  reads_->hold();
  std::optional<Offset> found;
  base::TaskGroup group(*executor_);
  group.spawn(find_into(*store_, 50, found));
  executor_->run_for(std::chrono::milliseconds(1));
  ASSERT_GT(reads_->waiting(), 0u);
  // Nothing of the offload itself is read: the annotation is in memory.
  offload();
  append_durably_at(kA, 1, 'd');  // pushes the last chunk out of memory
  reads_->release();
  executor_->run_for(std::chrono::seconds(1));
  EXPECT_EQ(found, Offset(2));
}

constexpr int64_t kHourMs = 3'600'000;

TEST_F(StreamTimes, RecordsWithoutATimestampAreAsOldAsTheirSegment) {
  open();
  executor_->run_for(std::chrono::hours(1000));
  append_durably_at(kA, -1, 'a');
  offload();
  const RetentionPolicy policy{.max_age_ms = kHourMs, .max_bytes = std::nullopt};
  EXPECT_EQ(retain(policy), Offset(0));
  executor_->run_for(std::chrono::minutes(59));
  append_durably_at(kA, -1, 'b');
  offload();
  EXPECT_EQ(retain(policy), Offset(0));
  executor_->run_for(std::chrono::minutes(2));
  EXPECT_EQ(retain(policy), Offset(1));
  crash_and_reopen();
  executor_->run_for(std::chrono::hours(2));
  EXPECT_EQ(retain(policy), Offset(2));
}

TEST_F(StreamTimes, RecordsWithoutATimestampGoBySizeLikeOthers) {
  open();
  for (char tag = 'a'; tag <= 'c'; ++tag) {
    append_durably_at(kA, -1, tag, 1000);
    offload();
  }
  EXPECT_EQ(retain({.max_age_ms = 1000 * kHourMs, .max_bytes = 1500}), Offset(1));
}

TEST_F(StreamTimes, WrittenStreamsAreFoundWithoutLoadingTheOthers) {
  open();
  for (const uint64_t s : {3u, 4u, 9u, 12u}) append_durably(StreamId(s), 'a');
  const auto written = [&](uint64_t from, uint64_t end, size_t limit) {
    return *run(*executor_, store_->written_streams(StreamId(from), StreamId(end), limit));
  };
  using Ids = std::vector<StreamId>;
  EXPECT_EQ(written(0, 100, 10), (Ids{StreamId(3), StreamId(4), StreamId(9), StreamId(12)}));
  EXPECT_EQ(written(4, 12, 10), (Ids{StreamId(4), StreamId(9)}));
  EXPECT_EQ(written(0, 100, 2), (Ids{StreamId(3), StreamId(4)}));
  EXPECT_EQ(written(5, 9, 10), Ids{});
  EXPECT_FALSE(store_->known_bounds(StreamId(5)).has_value());
}

}  // namespace
}  // namespace thalweg
