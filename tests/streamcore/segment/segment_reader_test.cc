#include "streamcore/segment/segment_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/sim_executor.h"
#include "tests/streamcore/segment/entry_source.h"
#include "tests/streamcore/segment/recording_store.h"

namespace thalweg::segment {
namespace {

using base::ErrorCode;
using base::Result;

constexpr size_t kCacheBytes = size_t{64} << 20;
constexpr ObjectId kObject(11);

class SegmentReaderTest : public testing::Test {
 protected:
  ~SegmentReaderTest() override { sim::run(executor_, reader_.stop_and_join()); }

  std::vector<SegmentRow> put(SegmentBuilder& builder, ObjectId object = kObject) {
    const BuiltSegment built = builder.finish();
    EXPECT_TRUE(
        sim::run(executor_, store_.put_if_absent(segment_key(object), built.parts)).has_value());
    std::vector<SegmentRow> rows;
    for (const StreamRange& range : built.ranges) rows.push_back({object, range});
    return rows;
  }
  // One stream whose entries fill blocks of `per_block` entries of about 1 KiB.
  SegmentRow put_stream(size_t count, size_t per_block, uint32_t records = 1) {
    entries_ = dense_entries(StreamId(1), 1000, count, records, 1000);
    SegmentBuilder builder(per_block * framed_entry_bytes(1000));
    add_stream(builder, entries_, "annotation");
    return put(builder).front();
  }
  Result<std::vector<EntryRef>> read(SegmentReader& reader, const SegmentRow& row, uint64_t from,
                                     size_t max_bytes) {
    return sim::run(executor_, reader.read(row, Offset(from), max_bytes));
  }
  Result<std::vector<EntryRef>> read(const SegmentRow& row, uint64_t from, size_t max_bytes) {
    return read(reader_, row, from, max_bytes);
  }
  static void expect_same(const EntryRef& got, const TestEntry& expected) {
    EXPECT_EQ(got.header, expected.header);
    EXPECT_TRUE(std::ranges::equal(got.payload.bytes, expected.payload()));
    EXPECT_TRUE(std::ranges::equal(got.frame().bytes, expected.frame.bytes));
  }
  // Reads on from `from` until nothing more comes, checking that it is `entries_` without a gap or
  // a repeat.
  void scan(SegmentReader& reader, const SegmentRow& row, size_t max_bytes) {
    size_t seen = 0;
    uint64_t from = row.range.first.value;
    for (;;) {
      const auto got = read(reader, row, from, max_bytes);
      ASSERT_TRUE(got.has_value()) << got.error().message;
      if (got->empty()) break;
      for (const EntryRef& entry : *got) expect_same(entry, entries_.at(seen++));
      from = got->back().header.end().value;
    }
    EXPECT_EQ(seen, entries_.size());
  }

  sim::SimExecutor executor_;
  RecordingStore store_{executor_};
  BlockCache cache_{executor_, kCacheBytes};
  SegmentReader reader_{executor_, store_, cache_, ReaderOptions{}};
  std::vector<TestEntry> entries_;
};

TEST_F(SegmentReaderTest, EveryOffsetIsReadFromTheEntryThatContainsIt) {
  const SegmentRow row = put_stream(20, 3, 5);
  for (uint64_t offset = 990; offset < 1105; ++offset) {
    const auto got = read(row, offset, 1);
    ASSERT_TRUE(got.has_value()) << got.error().message;
    if (offset >= 1100) {
      EXPECT_TRUE(got->empty());
      continue;
    }
    ASSERT_EQ(got->size(), 1u) << offset;
    expect_same(got->front(), entries_.at(offset < 1000 ? 0 : (offset - 1000) / 5));
  }
}

TEST_F(SegmentReaderTest, OffsetInAGapIsReadFromTheEntryThatFollows) {
  const auto entries = lay_out({entry_header(StreamId(1), 10, 2, 30, 1),
                                entry_header(StreamId(1), uint64_t{1} << 33, 2, 30, 2)});
  SegmentBuilder builder;
  add_stream(builder, entries, "");
  const SegmentRow row = put(builder).front();
  const auto got = read(row, 12, 1000);
  ASSERT_EQ(got->size(), 1u);
  expect_same(got->front(), entries[1]);
}

TEST_F(SegmentReaderTest, EntriesFillMaxBytesWithoutPassingIt) {
  const SegmentRow row = put_stream(20, 3);
  EXPECT_EQ(read(row, 1000, 0)->size(), 1u);
  EXPECT_EQ(read(row, 1000, 1999)->size(), 1u);
  EXPECT_EQ(read(row, 1000, 2000)->size(), 2u);
  EXPECT_EQ(read(row, 1002, 7500)->size(), 7u);
  EXPECT_EQ(read(row, 1015, 1 << 20)->size(), 5u);
}

TEST_F(SegmentReaderTest, PackedSegmentHoldsManyStreamsApart) {
  std::vector<std::vector<TestEntry>> streams;
  SegmentBuilder builder;
  for (uint64_t id = 1; id <= 100; ++id) {
    streams.push_back(dense_entries(StreamId(id), id * 50, id % 5 + 1, 2, 40 + id));
    add_stream(builder, streams.back(), "of " + std::to_string(id));
  }
  const auto rows = put(builder);
  ASSERT_EQ(rows.size(), 100u);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto got = read(rows[i], 0, 1 << 20);
    ASSERT_TRUE(got.has_value()) << got.error().message;
    ASSERT_EQ(got->size(), streams[i].size());
    for (size_t j = 0; j < got->size(); ++j) expect_same(got->at(j), streams[i][j]);
    EXPECT_EQ(sim::run(executor_, reader_.annotation(rows[i])), "of " + std::to_string(i + 1));
  }
}

TEST_F(SegmentReaderTest, RangeWithoutEntriesStillHasItsAnnotation) {
  SegmentBuilder builder;
  builder.begin_stream(StreamId(1));
  builder.end_stream("state", Offset(5), Offset(9));
  const SegmentRow row = put(builder).front();
  EXPECT_TRUE(read(row, 5, 100)->empty());
  EXPECT_EQ(sim::run(executor_, reader_.annotation(row)), "state");
}

TEST_F(SegmentReaderTest, TimestampIsFoundAtTheFirstEntryThatReachesIt) {
  const base::Timestamp timestamps[] = {100, -1, 300, 200, 250, 400};
  std::vector<EntryHeader> headers;
  for (uint64_t i = 0; i < 6; ++i) {
    headers.push_back(entry_header(StreamId(1), i * 2, 2, 100, timestamps[i]));
  }
  SegmentBuilder builder(2 * framed_entry_bytes(100));
  add_stream(builder, lay_out(headers), "");
  const SegmentRow row = put(builder).front();
  const auto base_at = [&](base::Timestamp timestamp, uint64_t from) -> int64_t {
    const auto got = sim::run(executor_, reader_.find_timestamp(row, timestamp, Offset(from)));
    EXPECT_TRUE(got.has_value());
    return *got ? static_cast<int64_t>((*got)->header.base.value) : -1;
  };
  EXPECT_EQ(base_at(-1, 0), 0);
  EXPECT_EQ(base_at(100, 0), 0);
  EXPECT_EQ(base_at(101, 0), 4);
  EXPECT_EQ(base_at(300, 0), 4);
  EXPECT_EQ(base_at(301, 0), 10);
  EXPECT_EQ(base_at(401, 0), -1);
  EXPECT_EQ(base_at(150, 5), 4);
  EXPECT_EQ(base_at(150, 6), 6);
  EXPECT_EQ(base_at(300, 6), 10);
}

base::Task<void> read_into(SegmentReader* reader, SegmentRow row, size_t* entries) {
  const auto got = co_await reader->read(row, row.range.first, 5000);
  *entries += got ? got->size() : 0;
}

TEST_F(SegmentReaderTest, ConcurrentMissesOfABlockDoOneGet) {
  const SegmentRow row = put_stream(20, 20);
  base::TaskGroup readers(executor_);
  size_t entries = 0;
  for (int i = 0; i < 10; ++i) readers.spawn(read_into(&reader_, row, &entries));
  sim::run(executor_, readers.stop_and_join());
  EXPECT_EQ(entries, 50u);
  EXPECT_EQ(store_.gets.size(), 2u);  // the footer and the block
}

TEST_F(SegmentReaderTest, SecondReadComesFromTheCache) {
  const SegmentRow row = put_stream(20, 5);
  ASSERT_TRUE(read(row, 1000, 20'000).has_value());
  const size_t gets = store_.gets.size();
  ASSERT_TRUE(read(row, 1000, 20'000).has_value());
  EXPECT_EQ(store_.gets.size(), gets);
}

TEST_F(SegmentReaderTest, RandomReadFetchesNoMoreThanTheBlocksItNeeds) {
  const SegmentRow row = put_stream(500, 10);
  ASSERT_TRUE(read(row, 1250, 5000).has_value());
  ASSERT_EQ(store_.gets.size(), 2u);
  EXPECT_EQ(store_.gets[1].length, 10 * framed_entry_bytes(1000));
  EXPECT_EQ(reader_.counts().ahead_runs, 0u);
}

TEST_F(SegmentReaderTest, SequentialReadGrowsItsWindowAndGetsEveryByteOnce) {
  SegmentReader reader(executor_, store_, cache_, {.get_bytes = 100'000});
  const SegmentRow row = put_stream(2000, 10);
  scan(reader, row, 30'000);
  uint64_t bytes = 0;
  for (const auto& get : store_.gets) bytes += get.length;
  EXPECT_EQ(bytes, row.range.bytes + row.range.footer_length);
  EXPECT_LE(store_.gets.size(), 24u);   // 21 runs, the footer, and the first run in parts
  EXPECT_EQ(store_.in_flight_max, 5u);  // the run that is read and four ahead of it
  EXPECT_GE(reader.counts().ahead_runs, 18u);
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, ASequentialReadKeepsNoMoreThanAShareOfTheCache) {
  BlockCache cache(executor_, 1'600'000);
  SegmentReader reader(executor_, store_, cache, {.get_bytes = 100'000});
  const SegmentRow row = put_stream(2000, 10);
  scan(reader, row, 30'000);
  EXPECT_LE(cache.bytes(), 1'600'000u / 4 + 110'000u);  // and the run that the first read cut
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, ReadAheadHidesTheLatencyOfTheStore) {
  SegmentReader reader(executor_, store_, cache_, {.get_bytes = 100'000});
  const SegmentRow row = put_stream(2000, 10);
  const base::TimePoint start = executor_.now();
  scan(reader, row, 100'000);
  // One GET after the other would take 21 latencies; the scan itself takes no virtual time.
  EXPECT_LE(executor_.now() - start, 10 * store_.latency);
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, AWiderWindowHidesMoreOfIt) {
  SegmentReader reader(executor_, store_, cache_, {.get_bytes = 100'000, .gets_ahead_max = 12});
  const SegmentRow row = put_stream(2000, 10);
  const base::TimePoint start = executor_.now();
  scan(reader, row, 100'000);
  EXPECT_LE(executor_.now() - start, 7 * store_.latency);
  EXPECT_GT(store_.in_flight_max, 5u);
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, AWiderWindowHasShorterRunsInASmallCache) {
  BlockCache cache(executor_, 1'600'000);
  SegmentReader reader(executor_, store_, cache, {.get_bytes = 100'000, .gets_ahead_max = 12});
  const SegmentRow row = put_stream(2000, 10);
  scan(reader, row, 100'000);
  uint64_t bytes = 0;
  for (const auto& get : store_.gets) bytes += get.length;
  EXPECT_EQ(bytes, row.range.bytes + row.range.footer_length) << "nothing is fetched twice";
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, ASequentialReadIsAheadBeyondTheEndOfItsSegment) {
  SegmentReader reader(executor_, store_, cache_, {.get_bytes = 100'000});
  const SegmentRow first = put_stream(2000, 10);
  SegmentBuilder builder(10 * framed_entry_bytes(1000));
  add_stream(builder, dense_entries(StreamId(1), 3000, 2000, 1, 1000), "annotation");
  const SegmentRow behind = put(builder, ObjectId(12)).front();
  uint64_t from = 1000;
  while (from < 3000) {
    const auto got = sim::run(executor_, reader.read(first, Offset(from), 30'000, behind));
    ASSERT_TRUE(got.has_value()) << got.error().message;
    ASSERT_FALSE(got->empty());
    from = got->back().header.end().value;
  }
  executor_.run_for(2 * store_.latency);
  const base::TimePoint start = executor_.now();
  ASSERT_EQ(read(reader, behind, from, 30'000)->size(), 30u);
  EXPECT_EQ(executor_.now() - start, base::Duration::zero()) << "its footer and blocks were there";
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, ReadAheadStopsAtItsLimitOfBytes) {
  SegmentReader reader(executor_, store_, cache_,
                       {.get_bytes = 100'000, .ahead_bytes_max = 200'000});
  const SegmentRow row = put_stream(2000, 10);
  scan(reader, row, 30'000);
  EXPECT_LE(store_.in_flight_max, 3u);
  EXPECT_GT(reader.counts().ahead_skipped, 0u);
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, ScanThroughACacheTooSmallStillReadsEverything) {
  BlockCache cache(executor_, 40'000);
  SegmentReader reader(executor_, store_, cache, {});
  const SegmentRow row = put_stream(300, 3);
  scan(reader, row, 50'000);
  EXPECT_LE(cache.bytes(), 40'000u);
  EXPECT_GT(cache.counts().evicted, 0u);
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, UnavailableStoreIsTriedAgain) {
  const SegmentRow row = put_stream(3, 3);
  store_.failures.assign(3, ErrorCode::kUnavailable);
  EXPECT_EQ(read(row, 1000, 5000)->size(), 3u);
  EXPECT_EQ(store_.gets.size(), 5u);
}

TEST_F(SegmentReaderTest, StoreThatStaysUnavailableIsReportedAndNotRemembered) {
  const SegmentRow row = put_stream(3, 3);
  store_.failures.assign(4, ErrorCode::kUnavailable);
  EXPECT_EQ(read(row, 1000, 5000).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(read(row, 1000, 5000)->size(), 3u);
}

TEST_F(SegmentReaderTest, ObjectThatIsGoneIsPassedUpAtOnce) {
  const SegmentRow row = put_stream(3, 3);
  sim::run(executor_, store_.remove(segment_key(kObject))).value();
  EXPECT_EQ(read(row, 1000, 5000).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_.gets.size(), 1u);
}

TEST_F(SegmentReaderTest, CorruptBlockIsNamedAndItsNeighboursAreServed) {
  const SegmentRow row = put_stream(9, 3);
  const size_t second = kSegmentHeaderBytes + 3 * framed_entry_bytes(1000);
  store_.object(segment_key(kObject))[second + 500] ^= 1;
  EXPECT_EQ(read(row, 1000, 1 << 20)->size(), 3u);  // up to the corrupt block
  const auto got = read(row, 1003, 1 << 20);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, ErrorCode::kCorrupt);
  const std::string& message = got.error().message;
  EXPECT_NE(message.find(segment_key(kObject)), std::string::npos) << message;
  EXPECT_NE(message.find("at " + std::to_string(second)), std::string::npos) << message;
  EXPECT_NE(message.find("expected CRC"), std::string::npos) << message;
  EXPECT_EQ(read(row, 1006, 1 << 20)->size(), 3u);
}

TEST_F(SegmentReaderTest, WhatWasDamagedOnTheWayIsReadAgain) {
  const SegmentRow row = put_stream(9, 3);
  store_.flips = 1;
  ASSERT_TRUE(sim::run(executor_, reader_.footer(row)).has_value());
  store_.flips = 2;
  const auto got = read(row, 1000, 1 << 20);
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->size(), 9u);
  EXPECT_EQ(store_.gets.size(), 5u);
}

// Two objects may hold the same range in as many bytes: one is what a compaction made of the other.
TEST_F(SegmentReaderTest, AnotherObjectsFooterOfTheSameRangeIsNotKept) {
  const SegmentRow row = put_stream(9, 3);
  std::vector<TestEntry> others = dense_entries(StreamId(1), 1000, 9, 1, 1000);
  others[4].frame.owner.data()[others[4].payload().data() - others[0].frame.bytes.data()] ^=
      std::byte{1};
  SegmentBuilder builder(3 * framed_entry_bytes(1000));
  add_stream(builder, others, "annotation");
  ASSERT_EQ(put(builder, ObjectId(12)).front().range, row.range);
  std::string& object = store_.object(segment_key(kObject));
  const std::string truth = object;
  object = store_.object(segment_key(ObjectId(12)));
  ASSERT_TRUE(sim::run(executor_, reader_.footer(row)).has_value()) << "it cannot tell";
  object = truth;
  EXPECT_EQ(read(row, 1003, 1 << 20).error().code, ErrorCode::kCorrupt);
  scan(reader_, row, 1 << 20);
}

TEST_F(SegmentReaderTest, RowThatPointsElsewhereIsCorrupt) {
  SegmentRow row = put_stream(9, 3);
  row.range.end += 1;
  EXPECT_EQ(read(row, 1000, 100).error().code, ErrorCode::kCorrupt);
  row.range.end = row.range.end - 1;
  row.range.footer_length += 1000;
  EXPECT_EQ(read(row, 1000, 100).error().code, ErrorCode::kCorrupt);
}

TEST_F(SegmentReaderTest, FootersAreReadOnceAndBounded) {
  SegmentReader reader(executor_, store_, cache_, {.footer_bytes_max = 2 * base::kIoAlignment});
  SegmentBuilder builder;
  for (uint64_t id = 1; id <= 4; ++id) {
    add_stream(builder, dense_entries(StreamId(id), 0, 1, 1, 10), "");
  }
  const auto rows = put(builder);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(sim::run(executor_, reader.footer(rows[0])).has_value());
  }
  EXPECT_EQ(store_.gets.size(), 1u);
  for (const SegmentRow& row : rows) {
    ASSERT_TRUE(sim::run(executor_, reader.footer(row)).has_value());
  }
  EXPECT_EQ(reader.footers().bytes(), 2 * base::kIoAlignment);
  sim::run(executor_, reader.stop_and_join());
}

TEST_F(SegmentReaderTest, StoppedReaderStartsNothingMore) {
  const SegmentRow row = put_stream(3, 3);
  sim::run(executor_, reader_.stop_and_join());
  EXPECT_EQ(read(row, 1000, 100).error().code, ErrorCode::kClosed);
  EXPECT_TRUE(store_.gets.empty());
}

TEST(ReadCursors, ReadThatGoesOnWhereAnotherStoppedIsSequential) {
  ReadCursors cursors(2);
  EXPECT_EQ(cursors.take(StreamId(1), Offset(5)).window, 0u);
  cursors.put(StreamId(1), Offset(5), {});
  EXPECT_EQ(cursors.take(StreamId(2), Offset(5)).window, 0u);
  EXPECT_EQ(cursors.take(StreamId(1), Offset(5)).window, 1u);
  EXPECT_EQ(cursors.take(StreamId(1), Offset(5)).window, 0u);
}

TEST(ReadCursors, CursorUnusedForLongestGoesFirst) {
  ReadCursors cursors(2);
  for (const uint64_t id : {1, 2, 3}) cursors.put(StreamId(id), Offset(0), {});
  EXPECT_EQ(cursors.size(), 2u);
  EXPECT_EQ(cursors.take(StreamId(1), Offset(0)).window, 0u);
  EXPECT_EQ(cursors.take(StreamId(3), Offset(0)).window, 1u);
}

}  // namespace
}  // namespace thalweg::segment
