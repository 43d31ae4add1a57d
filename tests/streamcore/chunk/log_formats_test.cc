#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "streamcore/chunk/incarnation_format.h"
#include "streamcore/chunk/log_file_format.h"
#include "streamcore/chunk/seal_file_format.h"

namespace thalweg::chunk {
namespace {

using base::ErrorCode;

constexpr uint64_t kIncarnation = 0xFEEDFACE;
constexpr ChannelId kChannel(42);

TEST(LogFileFormat, NamesRoundTrip) {
  const LogFileName name{.number = 0x1234, .floor = {ChannelEpoch(7), ChunkSeq(UINT64_MAX)}};
  EXPECT_EQ(encode_log_file_name(name), "0000000000001234.0000000000000007.ffffffffffffffff.log");
  EXPECT_EQ(decode_log_file_name(encode_log_file_name(name)), name);
  EXPECT_EQ(encode_channel_name(kChannel), "0000002a");
  EXPECT_EQ(decode_channel_name("0000002a"), kChannel);
}

TEST(LogFileFormat, OtherNamesAreNotLogFiles) {
  const std::string good = encode_log_file_name({.number = 1});
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_log_file_name(good.substr(0, length)));
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = 'X';
    EXPECT_FALSE(decode_log_file_name(bad)) << bad;
  }
  EXPECT_FALSE(decode_log_file_name(good + "x"));
  EXPECT_FALSE(decode_channel_name("incarnation"));
  EXPECT_FALSE(decode_channel_name("0000002A"));
}

TEST(LogFileFormat, OnlyChunksOfThisUseAreLive) {
  const ChunkIds ids{.incarnation = kIncarnation,
                     .channel = kChannel,
                     .epoch = ChannelEpoch(5),
                     .seq = ChunkSeq(10),
                     .nonce = 1};
  ChunkBuilder builder(base::Buffer::allocate(4096));
  const FinishedChunk chunk = builder.finish(ids, ChunkSeq(0));
  const auto live = [&](uint64_t incarnation, uint32_t channel, uint64_t epoch, uint64_t seq) {
    return decode_live_header(chunk.bytes(), {.incarnation = incarnation,
                                              .channel = ChannelId(channel),
                                              .floor = {ChannelEpoch(epoch), ChunkSeq(seq)}})
        .has_value();
  };
  EXPECT_TRUE(live(kIncarnation, 42, 0, 0));
  EXPECT_TRUE(live(kIncarnation, 42, 5, 10));
  EXPECT_TRUE(live(kIncarnation, 42, 4, 99));
  EXPECT_FALSE(live(kIncarnation, 42, 5, 11));
  EXPECT_FALSE(live(kIncarnation, 42, 6, 0));
  EXPECT_FALSE(live(kIncarnation, 41, 0, 0));
  EXPECT_FALSE(live(kIncarnation + 1, 42, 0, 0));
  const base::Buffer seal = encode_seal(ids);
  EXPECT_FALSE(decode_live_header({seal.data(), kChunkHeaderBytes},
                                  {.incarnation = kIncarnation, .channel = kChannel}));
}

std::string seal_file(uint64_t count) {
  std::string file;
  for (uint64_t i = 0; i < count; ++i) {
    const base::Buffer record = encode_seal_record({.incarnation = kIncarnation,
                                                    .channel = kChannel,
                                                    .epoch = ChannelEpoch(i),
                                                    .seq = ChunkSeq(10 * i),
                                                    .nonce = 100 + i});
    file += base::as_chars({record.data(), kSealRecordBytes});
  }
  return file;
}

TEST(SealFileFormat, RoundTripWithRoomBehind) {
  const std::string file = seal_file(3) + std::string(10'000, '\0');
  const auto seals = decode_seal_file(base::as_bytes(file), kIncarnation, kChannel);
  ASSERT_TRUE(seals) << seals.error().message;
  ASSERT_EQ(seals->size(), 3u);
  EXPECT_EQ((*seals)[2].epoch, ChannelEpoch(2));
  EXPECT_EQ((*seals)[2].seq, ChunkSeq(20));
  EXPECT_EQ((*seals)[2].nonce, 102u);
}

TEST(SealFileFormat, TruncationLeavesTheWholeRecordsInFront) {
  const std::string file = seal_file(3);
  for (size_t length = 0; length < file.size(); ++length) {
    const auto seals = decode_seal_file(base::as_bytes(file).first(length), kIncarnation, kChannel);
    ASSERT_TRUE(seals);
    ASSERT_EQ(seals->size(), length / kSealRecordBytes);
  }
}

TEST(SealFileFormat, EverySingleBitFlipIsDetected) {
  std::string file = seal_file(3);
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    file[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const auto seals = decode_seal_file(base::as_bytes(file), kIncarnation, kChannel);
    if (bit / 8 < 2 * kSealRecordBytes) {
      ASSERT_FALSE(seals) << "bit " << bit;
      ASSERT_EQ(seals.error().code, ErrorCode::kCorrupt);
    } else {
      ASSERT_EQ(seals->size(), 2u) << "the last record may be a tear";
    }
    file[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
}

TEST(IncarnationFormat, RoundTrip) {
  EXPECT_EQ(decode_incarnation(base::as_bytes(encode_incarnation(77))).value(), 77u);
}

TEST(IncarnationFormat, TruncationAndEverySingleBitFlipAreDetected) {
  std::string bytes = encode_incarnation(0x123456789ABCDEF0);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_incarnation(base::as_bytes(bytes).first(length)));
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(decode_incarnation(base::as_bytes(bytes))) << bit;
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
}

}  // namespace
}  // namespace thalweg::chunk
