#include "streamcore/channel/stream_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "tests/streamcore/base/damage.h"

namespace thalweg::channel {
namespace {

using base::ErrorCode;

StreamRow used_row() {
  return {.committed_end = Offset(1000),
          .trim_point = Offset(17),
          .annotation = {ObjectId(5), 1 << 20, 300, Offset(900)},
          .link = {ChannelId(3), ChannelEpoch(8), Offset(11), LeaderEpoch(6)},
          .fencing_token = "holder of the pen"};
}

TEST(StreamRowFormat, IsReadBackAsItWasWritten) {
  EXPECT_EQ(decode_stream_row(encode_stream_row(used_row())), used_row());
  EXPECT_EQ(decode_stream_row(encode_stream_row(StreamRow{})), StreamRow{});
  StreamRow largest = used_row();
  largest.committed_end = Offset(UINT64_MAX);
  largest.link.leader_epoch_at_start = LeaderEpoch(INT32_MAX);
  largest.fencing_token = std::string("\0\xff", 2);
  EXPECT_EQ(decode_stream_row(encode_stream_row(largest)), largest);
}

TEST(StreamRowFormat, EveryTruncationIsDetected) {
  base::expect_every_truncation_is_detected(decode_stream_row, encode_stream_row(used_row()));
}

TEST(StreamRowFormat, EverySingleBitFlipIsDetected) {
  base::expect_every_bit_flip_is_detected(decode_stream_row, encode_stream_row(used_row()));
}

TEST(StreamRowFormat, AnotherVersionIsUnsupported) {
  base::ByteWriter out;
  out.put(uint8_t{2});
  EXPECT_EQ(decode_stream_row(std::move(out).seal()).error().code, ErrorCode::kUnsupported);
}

TEST(StreamRowFormat, AWrongLengthUnderAGoodSealIsCorrupt) {
  const std::string row = encode_stream_row(used_row());
  const std::string body = row.substr(0, row.size() - 4);
  for (size_t length = 1; length < body.size(); ++length) {
    std::string cut = body.substr(0, length);
    const uint32_t crc = base::crc32c(base::as_bytes(cut));
    cut.append(reinterpret_cast<const char*>(&crc), 4);
    base::expect_corrupt(decode_stream_row, cut, "sealed after", length);
  }
}

TEST(StreamLink, LeaderEpochGrowsWithTheChannelsEpoch) {
  const StreamLink link{ChannelId(1), ChannelEpoch(8), Offset(0), LeaderEpoch(6)};
  EXPECT_EQ(link.leader_epoch(ChannelEpoch(8)), LeaderEpoch(6));
  EXPECT_EQ(link.leader_epoch(ChannelEpoch(11)), LeaderEpoch(9));
}

// A stream whose first append is in epoch 8 has the leader epoch that a stream without a row would
// be given in every later epoch too: it can be told without the row.
TEST(StreamLink, AFirstLeaderEpochNeedsNoRow) {
  const StreamLink link{ChannelId(1), ChannelEpoch(8), Offset(0),
                        first_leader_epoch(ChannelEpoch(8))};
  EXPECT_EQ(link.leader_epoch(ChannelEpoch(20)), first_leader_epoch(ChannelEpoch(20)));
}

}  // namespace
}  // namespace thalweg::channel
