#include "streamcore/channel/object_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "streamcore/channel/row_keys.h"
#include "tests/streamcore/base/damage.h"

namespace thalweg::channel {
namespace {

using base::ErrorCode;

ObjectRow committed_row() {
  return {.state = ObjectState::kCommitted, .live_ranges = 77, .since = 1'893'456'000'000};
}

std::string sealed_row(uint8_t version, uint8_t state) {
  base::ByteWriter out;
  out.put(version).put(state).put(uint32_t{1}).put(int64_t{2});
  return std::move(out).seal();
}

TEST(ObjectRowFormat, IsReadBackAsItWasWritten) {
  EXPECT_EQ(decode_object_row(encode_object_row(committed_row())), committed_row());
  for (const ObjectState state : {ObjectState::kPrepared, ObjectState::kCommitted,
                                  ObjectState::kDeleting, ObjectState::kDestroyed}) {
    EXPECT_EQ(decode_object_row(encode_object_row({.state = state}))->state, state);
  }
}

TEST(ObjectRowFormat, EveryTruncationIsDetected) {
  base::expect_every_truncation_is_detected(decode_object_row, encode_object_row(committed_row()));
}

TEST(ObjectRowFormat, EverySingleBitFlipIsDetected) {
  base::expect_every_bit_flip_is_detected(decode_object_row, encode_object_row(committed_row()));
}

TEST(ObjectRowFormat, AnotherVersionIsUnsupported) {
  EXPECT_EQ(decode_object_row(sealed_row(2, 1)).error().code, ErrorCode::kUnsupported);
}

TEST(ObjectRowFormat, AnUnknownStateIsCorrupt) {
  ASSERT_TRUE(decode_object_row(sealed_row(1, 4)).has_value());
  EXPECT_EQ(decode_object_row(sealed_row(1, 0)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_object_row(sealed_row(1, 5)).error().code, ErrorCode::kCorrupt);
}

TEST(RowKeys, KeyOrderIsNumberOrder) {
  EXPECT_EQ(channel_row_key(ChannelId(1)), "channel/0000000000000001");
  EXPECT_EQ(stream_row_key(StreamId(255)), "stream/00000000000000ff");
  EXPECT_LT(segment_row_key(StreamId(1), Offset(9)), segment_row_key(StreamId(1), Offset(16)));
  EXPECT_LT(segment_row_key(StreamId(9), Offset(99)), segment_row_key(StreamId(10), Offset(0)));
  EXPECT_TRUE(segment_row_key(StreamId(7), Offset(1)).starts_with(segment_row_prefix(StreamId(7))));
}

TEST(RowKeys, AnObjectsKeyNamesItsId) {
  for (const uint64_t id : {uint64_t{0}, uint64_t{0x1234567890abcdef}, UINT64_MAX}) {
    EXPECT_EQ(object_of_row_key(object_row_key(ObjectId(id)), kObjectRowPrefix), ObjectId(id));
  }
}

}  // namespace
}  // namespace thalweg::channel
