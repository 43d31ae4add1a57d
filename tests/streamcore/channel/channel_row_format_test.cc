#include "streamcore/channel/channel_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "tests/streamcore/base/damage.h"

namespace thalweg::channel {
namespace {

using base::ErrorCode;

ChannelRow open_row() {
  return {.state = ChannelState::kOpen,
          .storage_class = StorageClass::kExpress,
          .epoch = ChannelEpoch(12),
          .holder = 0xFEDCBA9876543210,
          .incarnations = {3, 0xFFFFFFFFFFFFFFFE, 5},
          .undrained = {{ChannelEpoch(7), ChunkSeq(40), ChunkSeq(55)},
                        {ChannelEpoch(12), ChunkSeq(0), kOpenEnd}}};
}

// A row as another hand could have written it: these fields, and a seal that matches.
std::string sealed_row(uint8_t version, uint8_t state, uint32_t count, size_t tail_bytes,
                       uint8_t storage_class = 1) {
  base::ByteWriter out;
  out.put(version).put(state);
  if (version >= 3) out.put(storage_class);
  out.put(uint64_t{1}).put(uint64_t{2}).put(uint32_t{0}).put(count);
  for (size_t i = 0; i < tail_bytes; ++i) out.put(uint8_t{0});
  return std::move(out).seal();
}

TEST(ChannelRowFormat, IsReadBackAsItWasWritten) {
  EXPECT_EQ(decode_channel_row(encode_channel_row(open_row())), open_row());
  for (const ChannelState state :
       {ChannelState::kOpen, ChannelState::kSealing, ChannelState::kClosed}) {
    ChannelRow row = open_row();
    row.state = state;
    EXPECT_EQ(decode_channel_row(encode_channel_row(row)), row);
  }
}

TEST(ChannelRowFormat, ARowOfTheVersionBeforeIsReadAndDoesNotSayItsStorageClass) {
  const auto row = decode_channel_row(sealed_row(2, 1, 1, 24));
  ASSERT_TRUE(row.has_value()) << row.error().message;
  EXPECT_FALSE(row->storage_class.has_value());
  EXPECT_EQ(row->epoch, ChannelEpoch(1));
  EXPECT_EQ(row->holder, 2u);
  EXPECT_EQ(row->undrained.size(), 1u);
}

TEST(ChannelRowFormat, EveryTruncationIsDetected) {
  base::expect_every_truncation_is_detected(decode_channel_row, encode_channel_row(open_row()));
}

TEST(ChannelRowFormat, EverySingleBitFlipIsDetected) {
  base::expect_every_bit_flip_is_detected(decode_channel_row, encode_channel_row(open_row()));
}

TEST(ChannelRowFormat, AnotherVersionIsUnsupported) {
  EXPECT_EQ(decode_channel_row(sealed_row(1, 1, 0, 0)).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_channel_row(sealed_row(4, 1, 0, 0)).error().code, ErrorCode::kUnsupported);
}

TEST(ChannelRowFormat, ImpossibleContentUnderAGoodSealIsCorrupt) {
  ASSERT_TRUE(decode_channel_row(sealed_row(2, 1, 1, 24)).has_value());
  EXPECT_EQ(decode_channel_row(sealed_row(2, 0, 1, 24)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_channel_row(sealed_row(2, 4, 1, 24)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_channel_row(sealed_row(2, 1, 1, 23)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_channel_row(sealed_row(2, 1, 1, 25)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_channel_row(sealed_row(2, 1, UINT32_MAX, 24)).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(decode_channel_row(sealed_row(3, 1, 1, 24)).has_value());
  EXPECT_EQ(decode_channel_row(sealed_row(3, 1, 1, 24, 0)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_channel_row(sealed_row(3, 1, 1, 24, 4)).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace thalweg::channel
