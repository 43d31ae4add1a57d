#include "streamcore/segment/segment_format.h"

#include <gtest/gtest.h>

#include "streamcore/segment/segment_inspection.h"
#include "streamcore/segment/segment_row_format.h"
#include "tests/streamcore/segment/entry_source.h"

namespace thalweg::segment {
namespace {

using base::ErrorCode;

// Two streams with several blocks and one with an annotation only.
std::string small_segment() {
  SegmentBuilder builder(200);
  add_stream(builder, dense_entries(StreamId(4), 100, 5, 3, 50), "state of four");
  builder.begin_stream(StreamId(5));
  builder.end_stream("all trimmed", Offset(7), Offset(9));
  add_stream(builder, dense_entries(StreamId(9), uint64_t{1} << 40, 2, 1, 9), "");
  return joined(builder.finish().parts);
}

TEST(SegmentFormat, KeysSortAsIdsDo) {
  EXPECT_EQ(segment_key(ObjectId(42)), "segment/00000000000000000042");
  EXPECT_EQ(segment_key(ObjectId(UINT64_MAX)), "segment/18446744073709551615");
  EXPECT_LT(segment_key(ObjectId(9)), segment_key(ObjectId(10)));
}

TEST(SegmentFormat, ObjectIsReadBackWithNothingButItself) {
  const auto footers = inspect_segment(slice_of(small_segment()));
  ASSERT_TRUE(footers.has_value()) << footers.error().message;
  ASSERT_EQ(footers->size(), 3u);
  const StreamFooter& four = footers->at(0);
  EXPECT_EQ(four.fields().stream, StreamId(4));
  EXPECT_EQ(four.fields().first, Offset(100));
  EXPECT_EQ(four.fields().end, Offset(115));
  EXPECT_EQ(four.fields().entries, 5u);
  EXPECT_EQ(four.fields().records, 15u);
  EXPECT_EQ(four.fields().max_timestamp, 1120);
  EXPECT_EQ(four.fields().min_timestamp, 1000);
  EXPECT_EQ(four.block_count(), 3u);
  EXPECT_EQ(four.annotation(), "state of four");
  EXPECT_EQ(footers->at(1).block_count(), 0u);
  EXPECT_EQ(footers->at(1).fields().end, Offset(9));
  EXPECT_EQ(footers->at(1).fields().max_timestamp, -1);
  EXPECT_EQ(footers->at(1).annotation(), "all trimmed");
  EXPECT_EQ(footers->at(2).fields().first, Offset(uint64_t{1} << 40));
  EXPECT_EQ(footers->at(2).annotation(), "");
}

TEST(SegmentFormat, SegmentWithoutStreamsIsReadBack) {
  const auto footers = inspect_segment(slice_of(joined(SegmentBuilder().finish().parts)));
  ASSERT_TRUE(footers.has_value()) << footers.error().message;
  EXPECT_TRUE(footers->empty());
}

TEST(SegmentFormat, EverySingleBitFlipIsDetected) {
  std::string object = small_segment();
  for (size_t bit = 0; bit < object.size() * 8; ++bit) {
    object[bit / 8] = static_cast<char>(object[bit / 8] ^ (1 << (bit % 8)));
    const auto footers = inspect_segment(slice_of(object));
    ASSERT_FALSE(footers.has_value()) << "bit " << bit;
    ASSERT_EQ(footers.error().code, ErrorCode::kCorrupt) << "bit " << bit;
    object[bit / 8] = static_cast<char>(object[bit / 8] ^ (1 << (bit % 8)));
  }
}

TEST(SegmentFormat, EveryTruncationIsDetected) {
  const std::string object = small_segment();
  for (size_t length = 0; length < object.size(); ++length) {
    ASSERT_FALSE(inspect_segment(slice_of(object.substr(0, length))).has_value()) << length;
    ASSERT_FALSE(inspect_segment(slice_of(object.substr(object.size() - length))).has_value());
  }
}

TEST(SegmentFormat, HeaderOfAnotherVersionIsUnsupported) {
  std::string header = encode_segment_header();
  header[8] = 2;
  const uint32_t crc = base::crc32c(base::as_bytes(header.substr(0, 12)));
  std::memcpy(header.data() + 12, &crc, sizeof(crc));
  EXPECT_EQ(decode_segment_header(base::as_bytes(header)).error().code, ErrorCode::kUnsupported);
}

TEST(SegmentFormat, TrailerAtAnotherPlaceIsCorrupt) {
  const std::string trailer = encode_segment_trailer({{StreamId(1), 16, 200}}, 216);
  const auto places = decode_segment_trailer(base::as_bytes(trailer), 216);
  ASSERT_TRUE(places.has_value());
  EXPECT_EQ(*places, (std::vector<FooterPlace>{{StreamId(1), 16, 200}}));
  EXPECT_FALSE(decode_segment_trailer(base::as_bytes(trailer), 217).has_value());
}

SegmentRow a_row() {
  return {.object = ObjectId(77),
          .range = {.stream = StreamId(12),
                    .first = Offset(5'000'000'000),
                    .end = Offset(5'000'000'900),
                    .footer_position = 123'456,
                    .footer_length = 789,
                    .bytes = 120'000,
                    .max_timestamp = 1'900'000'000'000,
                    .min_timestamp = -1}};
}

TEST(SegmentRowFormat, RowIsReadBack) {
  const std::string bytes = encode_segment_row(a_row());
  EXPECT_EQ(bytes.size(), kSegmentRowBytes);
  const auto row = decode_segment_row(bytes);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(*row, a_row());
}

TEST(SegmentRowFormat, EverySingleBitFlipAndTruncationIsDetected) {
  std::string bytes = encode_segment_row(a_row());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(decode_segment_row(bytes).error().code, ErrorCode::kCorrupt) << "bit " << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
  for (size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_FALSE(decode_segment_row(bytes.substr(0, length)).has_value()) << length;
  }
}

}  // namespace
}  // namespace thalweg::segment
