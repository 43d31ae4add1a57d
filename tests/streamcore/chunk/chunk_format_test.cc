#include "streamcore/chunk/chunk_format.h"

#include <gtest/gtest.h>

#include <string>

namespace thalweg::chunk {
namespace {

using base::ByteView;
using base::ErrorCode;

constexpr ChunkIds kIds{.incarnation = 0xABCDEF,
                        .channel = ChannelId(7),
                        .epoch = ChannelEpoch(3),
                        .seq = ChunkSeq(41),
                        .nonce = 0x1122334455667788};

EntryHeader entry(uint64_t stream, uint64_t offset, size_t length) {
  return {.stream = StreamId(stream),
          .base = Offset(offset),
          .max_timestamp = 1'700'000'000'000 + static_cast<int64_t>(offset),
          .count = 5,
          .length = static_cast<uint32_t>(length),
          .leader_epoch = LeaderEpoch(9)};
}

FinishedChunk small_chunk() {
  ChunkBuilder builder(base::Buffer::allocate(4096));
  for (const std::string_view text : {"first", "", "a third, longer payload"}) {
    builder.add(entry(text.size() + 1, 100 * text.size(), text.size()), base::as_bytes(text));
  }
  return builder.finish(kIds, ChunkSeq(38));
}

base::Result<ChunkView> open(ByteView bytes) { return ChunkView::open({base::Buffer(), bytes}); }

TEST(ChunkFormat, RoundTripKeepsEveryFieldAndEntry) {
  const FinishedChunk chunk = small_chunk();
  const auto view = ChunkView::open(chunk.slice());
  ASSERT_TRUE(view) << view.error().message;
  const ChunkHeader& header = view->header();
  EXPECT_EQ(header, chunk.header);
  EXPECT_EQ(header.kind, ChunkKind::kChunk);
  EXPECT_EQ(header.incarnation, kIds.incarnation);
  EXPECT_EQ(header.channel, kIds.channel);
  EXPECT_EQ(header.epoch, kIds.epoch);
  EXPECT_EQ(header.seq, kIds.seq);
  EXPECT_EQ(header.nonce, kIds.nonce);
  EXPECT_EQ(header.dw, ChunkSeq(38));
  EXPECT_EQ(header.total_length, 4096u);
  ASSERT_EQ(view->entries().size(), 3u);
  EXPECT_EQ(base::as_chars(view->entries()[0].payload), "first");
  EXPECT_EQ(base::as_chars(view->entries()[2].payload), "a third, longer payload");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(view->entries()[i].header, chunk.entries[i].header);
    EXPECT_EQ(view->entries()[i].position, chunk.entries[i].position);
    EXPECT_EQ(view->entries()[i].position % kEntryAlignment, 0u);
    EXPECT_EQ(decode_entry_header(view->entries()[i].frame).value(), chunk.entries[i].header);
  }
}

TEST(ChunkFormat, IndexIsReadableWithoutThePayloads) {
  const FinishedChunk chunk = small_chunk();
  const auto header = decode_header(chunk.bytes().first(kChunkHeaderBytes));
  ASSERT_TRUE(header);
  const auto index =
      decode_index(*header, chunk.bytes().subspan(header->index_position, header->index_length()));
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(*index, chunk.entries);
}

TEST(ChunkFormat, TheIndexHasTheCrcOfEachFrame) {
  const FinishedChunk chunk = small_chunk();
  const auto view = ChunkView::open(chunk.slice());
  ASSERT_TRUE(view);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(chunk.entries[i].crc, base::crc32c(view->entries()[i].frame));
  }
}

TEST(ChunkFormat, StampedBytesAreCovered) {
  ChunkBuilder builder(base::Buffer::allocate(4096));
  builder.add(entry(1, 0, 4), base::as_bytes("abcd"), {},
              [](std::byte* copy) { copy[1] = std::byte{'X'}; });
  const auto view = ChunkView::open(builder.finish(kIds, ChunkSeq(0)).slice());
  ASSERT_TRUE(view);
  EXPECT_EQ(base::as_chars(view->entries()[0].payload), "aXcd");
}

TEST(ChunkFormat, TruncationAtEveryByteIsDetected) {
  const FinishedChunk chunk = small_chunk();
  for (size_t length = 0; length < chunk.length; ++length) {
    const auto view = open(chunk.bytes().first(length));
    ASSERT_FALSE(view) << length;
    ASSERT_EQ(view.error().code, ErrorCode::kCorrupt) << length;
  }
}

TEST(ChunkFormat, EverySingleBitFlipIsDetected) {
  const FinishedChunk chunk = small_chunk();
  for (size_t bit = 0; bit < chunk.length * 8; ++bit) {
    chunk.buffer.data()[bit / 8] ^= std::byte(1 << bit % 8);
    ASSERT_FALSE(ChunkView::open(chunk.slice())) << "bit " << bit;
    chunk.buffer.data()[bit / 8] ^= std::byte(1 << bit % 8);
  }
  EXPECT_TRUE(ChunkView::open(chunk.slice()));
}

TEST(ChunkFormat, EverySingleBitFlipOfAnIndexReadAloneIsDetected) {
  const FinishedChunk chunk = small_chunk();
  const size_t begin = chunk.header.index_position;
  const size_t length = chunk.header.index_length();
  for (size_t bit = 0; bit < length * 8; ++bit) {
    std::byte& byte = chunk.buffer.data()[begin + bit / 8];
    byte ^= std::byte(1 << bit % 8);
    ASSERT_FALSE(decode_index(chunk.header, chunk.bytes().subspan(begin, length))) << bit;
    byte ^= std::byte(1 << bit % 8);
  }
}

TEST(ChunkFormat, SealIsAHeaderAloneAndEverySingleBitFlipOfItIsDetected) {
  const base::Buffer seal = encode_seal(kIds);
  const ByteView bytes{seal.data(), kChunkHeaderBytes};
  const auto header = decode_header(bytes);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->kind, ChunkKind::kSeal);
  EXPECT_EQ(header->seq, kIds.seq);
  EXPECT_EQ(header->nonce, kIds.nonce);
  EXPECT_EQ(header->total_length, kChunkHeaderBytes);
  ASSERT_TRUE(open(bytes));
  for (size_t bit = 0; bit < kChunkHeaderBytes * 8; ++bit) {
    seal.data()[bit / 8] ^= std::byte(1 << bit % 8);
    ASSERT_FALSE(decode_header(bytes)) << bit;
    seal.data()[bit / 8] ^= std::byte(1 << bit % 8);
  }
  for (size_t length = 0; length < kChunkHeaderBytes; ++length) {
    ASSERT_FALSE(decode_header(bytes.first(length)));
  }
}

TEST(ChunkFormat, BytesBehindAChunkAreRefused) {
  const FinishedChunk chunk = small_chunk();
  base::Buffer longer = base::Buffer::allocate(8192);
  std::memset(longer.data(), 0, 8192);
  std::memcpy(longer.data(), chunk.bytes().data(), chunk.length);
  EXPECT_FALSE(open({longer.data(), 8192}));
}

TEST(ChunkBuilder, AnEmptyChunkIsValid) {
  ChunkBuilder builder(base::Buffer::allocate(4096));
  const FinishedChunk chunk = builder.finish(kIds, ChunkSeq(41));
  const auto view = ChunkView::open(chunk.slice());
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_TRUE(view->entries().empty());
  EXPECT_EQ(view->header().dw, ChunkSeq(41));
}

TEST(ChunkBuilder, WhatFitsIsExactlyWhatBytesNeededSays) {
  for (size_t length = 3600; length < 3850; ++length) {
    ChunkBuilder builder(base::Buffer::allocate(4096));
    ASSERT_EQ(builder.fits(length), ChunkBuilder::bytes_needed(length) <= 4096) << length;
  }
  EXPECT_EQ(ChunkBuilder::bytes_needed(), 4096u);
}

TEST(ChunkBuilder, ABufferFilledToTheLastByteRoundTrips) {
  ChunkBuilder builder(base::Buffer::allocate(16384));
  const std::string payload(100, 'p');
  uint64_t count = 0;
  while (builder.fits(payload.size())) {
    builder.add(entry(1, count++, payload.size()), base::as_bytes(payload));
  }
  size_t rest = 0;
  while (builder.fits(rest + 1)) ++rest;
  if (builder.fits(rest)) {
    builder.add(entry(1, count++, rest), base::as_bytes(payload).first(rest));
  }
  const FinishedChunk chunk = builder.finish(kIds, ChunkSeq(0));
  EXPECT_EQ(chunk.length, 16384u);
  const auto view = ChunkView::open(chunk.slice());
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->entries().size(), count);
}

TEST(ChunkBuilder, OneEntryOf100MiBFits) {
  const size_t length = 100u << 20;
  const size_t needed = ChunkBuilder::bytes_needed(length);
  EXPECT_LE(needed, kChunkBytesMax);
  ChunkBuilder builder(base::Buffer::allocate(needed));
  EXPECT_TRUE(builder.fits(length));
  EXPECT_FALSE(builder.fits(length + 4096));
}

}  // namespace
}  // namespace thalweg::chunk
