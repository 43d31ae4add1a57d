#include "streamcore/segment/segment_builder.h"

#include <gtest/gtest.h>

#include "streamcore/segment/segment_inspection.h"
#include "tests/streamcore/segment/entry_source.h"

namespace thalweg::segment {
namespace {

TEST(SegmentBuilder, BytesOfEntriesAreNotCopiedAndNeighboursAreOnePart) {
  const auto entries = dense_entries(StreamId(1), 0, 1000, 1, 100);
  SegmentBuilder builder(4096);
  add_stream(builder, entries, "x");
  const BuiltSegment built = builder.finish();
  ASSERT_EQ(built.parts.size(), 4u);  // header, all entries, footer, trailer
  EXPECT_EQ(built.parts[1].data(), entries.front().frame.bytes.data());
  EXPECT_EQ(built.parts[1].size(), 1000 * framed_entry_bytes(100));
  EXPECT_EQ(built.buffers.size(), 1u);
  EXPECT_EQ(joined(built.parts).size(), built.size);
}

TEST(SegmentBuilder, PartsStayValidWhenTheSegmentIsMovedAndItsSourceDropped) {
  SegmentBuilder builder;
  add_stream(builder, dense_entries(StreamId(1), 0, 3, 1, 10), "a");
  add_stream(builder, dense_entries(StreamId(2), 0, 3, 1, 10), "b");
  BuiltSegment first = builder.finish();
  const std::string before = joined(first.parts);
  const BuiltSegment second = std::move(first);
  EXPECT_EQ(joined(second.parts), before);
  EXPECT_TRUE(inspect_segment(slice_of(before)).has_value());
}

TEST(SegmentBuilder, BlockCrcCoversScatteredFrames) {
  std::vector<TestEntry> entries;
  for (uint64_t i = 0; i < 20; ++i) {
    entries.push_back(dense_entries(StreamId(1), i, 1, 1, 33).front());
  }
  SegmentBuilder builder(500);
  add_stream(builder, entries, "");
  const BuiltSegment built = builder.finish();
  EXPECT_EQ(built.buffers.size(), 20u);
  EXPECT_TRUE(inspect_segment(slice_of(joined(built.parts))).has_value());
}

TEST(SegmentBuilder, EntryLargerThanABlockIsABlockOfItsOwn) {
  const auto entries =
      lay_out({entry_header(StreamId(1), 0, 1, 10, 5), entry_header(StreamId(1), 1, 1, 5000, 6),
               entry_header(StreamId(1), 2, 1, 10, 7)});
  SegmentBuilder builder(1000);
  add_stream(builder, entries, "");
  const auto footers = inspect_segment(slice_of(joined(builder.finish().parts)));
  ASSERT_TRUE(footers.has_value());
  ASSERT_EQ(footers->front().block_count(), 3u);
  EXPECT_EQ(footers->front().block(1).entries, 1u);
  EXPECT_EQ(footers->front().block(1).length, framed_entry_bytes(5000));
}

TEST(SegmentBuilder, RangeMayBeginInsideItsFirstEntryAndEndBehindItsLast) {
  const auto entries = dense_entries(StreamId(1), 10, 2, 10, 20);
  SegmentBuilder builder;
  builder.begin_stream(StreamId(1));
  for (const TestEntry& entry : entries) builder.add(entry.header, entry.frame);
  builder.end_stream("", Offset(15), Offset(40));
  const BuiltSegment built = builder.finish();
  EXPECT_EQ(built.ranges.front().first, Offset(15));
  EXPECT_EQ(built.ranges.front().end, Offset(40));
  EXPECT_TRUE(inspect_segment(slice_of(joined(built.parts))).has_value());
}

TEST(SegmentBuilder, RangesSayWhatTheFootersSay) {
  SegmentBuilder builder(300);
  add_stream(builder, dense_entries(StreamId(1), 5, 7, 2, 64), "one");
  add_stream(builder, dense_entries(StreamId(2), 0, 1, 1, 64), "two");
  const BuiltSegment built = builder.finish();
  const std::string object = joined(built.parts);
  for (const StreamRange& range : built.ranges) {
    const auto footer = StreamFooter::open(
        slice_of(std::string_view(object).substr(range.footer_position, range.footer_length)),
        range.footer_position);
    ASSERT_TRUE(footer.has_value());
    EXPECT_EQ(footer->fields().stream, range.stream);
    EXPECT_EQ(footer->fields().first, range.first);
    EXPECT_EQ(footer->fields().end, range.end);
    EXPECT_EQ(footer->fields().blocks_bytes, range.bytes);
    EXPECT_EQ(footer->fields().max_timestamp, range.max_timestamp);
    EXPECT_EQ(footer->fields().min_timestamp, range.min_timestamp);
  }
}

TEST(SegmentBuilderDeathTest, StreamsOutOfOrderAreABug) {
  SegmentBuilder builder;
  builder.begin_stream(StreamId(2));
  builder.end_stream("", Offset(0), Offset(0));
  EXPECT_DEATH(builder.begin_stream(StreamId(2)), "stream");
}

TEST(SegmentBuilderDeathTest, FrameThatDiffersFromItsHeaderIsABug) {
  auto entries = dense_entries(StreamId(1), 0, 1, 1, 10);
  entries.front().header.count = 2;
  SegmentBuilder builder;
  builder.begin_stream(StreamId(1));
  EXPECT_DEATH(builder.add(entries.front().header, entries.front().frame), "framed");
}

}  // namespace
}  // namespace thalweg::segment
