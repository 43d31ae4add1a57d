#include "kafka_protocol/topics/topic_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "tests/streamcore/base/damage.h"

namespace thalweg::topics {
namespace {

using base::ErrorCode;

TopicRow grown_row() {
  return {.id = {0x0123456789abcdef, 0xfedcba9876543210},
          .runs = {{3, StreamId(100)}, {5, StreamId(1 << 20)}},
          .configs = {{"cleanup.policy", "compact"}, {"retention.ms", "-1"}}};
}

TEST(TopicRowFormat, IsReadBackAsItWasWritten) {
  EXPECT_EQ(decode_topic_row(encode_topic_row(grown_row())), grown_row());
  EXPECT_EQ(decode_topic_row(encode_topic_row(TopicRow{})), TopicRow{});
  const TopicRow odd{.id = {1, 2}, .runs = {{1, StreamId(0)}}, .configs = {{"", ""}}};
  EXPECT_EQ(decode_topic_row(encode_topic_row(odd)), odd);
}

TEST(TopicRowFormat, ManyPartitionsTakeNoMoreBytesThanOne) {
  const TopicRow one{.id = {1, 2}, .runs = {{1, StreamId(7)}}, .configs = {}};
  const TopicRow many{.id = {1, 2}, .runs = {{100'000, StreamId(7)}}, .configs = {}};
  EXPECT_EQ(encode_topic_row(many).size(), encode_topic_row(one).size());
}

TEST(TopicRowFormat, EveryTruncationIsDetected) {
  base::expect_every_truncation_is_detected(decode_topic_row, encode_topic_row(grown_row()));
}

TEST(TopicRowFormat, EverySingleBitFlipIsDetected) {
  base::expect_every_bit_flip_is_detected(decode_topic_row, encode_topic_row(grown_row()));
}

TEST(TopicRowFormat, AnotherVersionIsUnsupported) {
  base::ByteWriter out;
  out.put(uint8_t{2});
  EXPECT_EQ(decode_topic_row(std::move(out).seal()).error().code, ErrorCode::kUnsupported);
}

TEST(TopicRowFormat, CountsBeyondTheBytesUnderAGoodSealAreCorrupt) {
  for (const uint32_t runs : {1u, UINT32_MAX}) {
    base::ByteWriter out;
    out.put(uint8_t{1}).put(uint64_t{1}).put(uint64_t{2}).put(runs).put(uint32_t{0});
    EXPECT_EQ(decode_topic_row(std::move(out).seal()).error().code, ErrorCode::kCorrupt);
  }
  for (const uint32_t configs : {1u, UINT32_MAX}) {
    base::ByteWriter out;
    out.put(uint8_t{1}).put(uint64_t{1}).put(uint64_t{2}).put(uint32_t{0}).put(configs);
    EXPECT_EQ(decode_topic_row(std::move(out).seal()).error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace thalweg::topics
