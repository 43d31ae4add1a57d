#include "kafka_protocol/records/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include "streamcore/base/random.h"

namespace thalweg::records {
namespace {

constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                Compression::kLz4, Compression::kZstd};

std::vector<std::byte> text(size_t bytes) {
  base::SeededRandom random(bytes);
  std::vector<std::byte> out(bytes);
  for (auto& b : out) b = static_cast<std::byte>('a' + random.below(4));
  return out;
}

TEST(Compression, EveryTypeRoundTripsAnySize) {
  for (Compression type : kAll) {
    for (size_t bytes : {0, 1, 100, 32768, 32769, 300000}) {
      const auto in = text(bytes);
      auto block = compress(type, in);
      ASSERT_TRUE(block.has_value());
      auto out = decompress(type, *block);
      ASSERT_TRUE(out.has_value()) << static_cast<int>(type) << " " << out.error().message;
      EXPECT_EQ(*out, in);
    }
  }
}

TEST(Compression, SnappyIsReadWithoutFramingToo) {
  const auto in = text(70000);
  std::string raw;
  snappy::Compress(reinterpret_cast<const char*>(in.data()), in.size(), &raw);
  auto out = decompress(Compression::kSnappy, base::as_bytes(raw));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(*out, in);
}

// printf 'hello hello hello' | gzip -n, lz4 -c, zstd -c.
TEST(Compression, ReadsWhatTheCommandLineToolsWrite) {
  const auto check = [](Compression type, std::vector<unsigned char> block) {
    auto out = decompress(type, std::as_bytes(std::span(block)));
    ASSERT_TRUE(out.has_value()) << out.error().message;
    EXPECT_EQ(base::as_chars(*out), "hello hello hello");
  };
  check(Compression::kGzip,
        {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9,
         0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00, 0x80, 0x88, 0xf9, 0xe5, 0x11, 0x00, 0x00, 0x00});
  check(Compression::kLz4,
        {0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x11, 0x00, 0x00, 0x80, 0x68,
         0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x68,
         0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x00, 0x00, 0x00, 0xb1, 0xcd, 0x9b, 0x87});
  check(Compression::kZstd,
        {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x65, 0x00, 0x00, 0x30, 0x68, 0x65, 0x6c,
         0x6c, 0x6f, 0x20, 0x01, 0x00, 0x31, 0x4a, 0x11, 0xa2, 0xed, 0x1e, 0x0c});
}

TEST(Compression, ABombIsRefusedAtTheLimit) {
  const std::vector<std::byte> zeros(8u << 20);
  for (Compression type : kAll) {
    auto block = compress(type, zeros);
    ASSERT_TRUE(block.has_value());
    auto out = decompress(type, *block, 1u << 20);
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(out.error().code, base::ErrorCode::kTooLarge);
    EXPECT_TRUE(decompress(type, *block, zeros.size()).has_value());
  }
}

TEST(Compression, AClaimedSnappyLengthAllocatesNothing) {
  // A varint of 2^31 - 1 and one literal byte.
  const std::vector<unsigned char> liar = {0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 'x'};
  auto out = decompress(Compression::kSnappy, std::as_bytes(std::span(liar)), size_t{4} << 30);
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, base::ErrorCode::kCorrupt);
}

TEST(Compression, EveryTruncationIsAnError) {
  const auto in = text(2000);
  for (Compression type : kAll) {
    if (type == Compression::kNone) continue;
    const auto block = *compress(type, in);
    // A gzip or xerial stream may end between blocks; nothing shorter yields the whole content.
    for (size_t n = 0; n < block.size(); ++n) {
      auto out = decompress(type, base::ByteView(block).first(n));
      EXPECT_TRUE(!out.has_value() || *out != in) << static_cast<int>(type) << " " << n;
    }
  }
}

TEST(Compression, MutatedBlocksNeverGoPastTheLimit) {
  const auto in = text(3000);
  base::SeededRandom random(1);
  for (Compression type : kAll) {
    const auto block = *compress(type, in);
    for (int i = 0; i < 2000; ++i) {
      auto bad = block;
      for (uint64_t n = 1 + random.below(4); n > 0; --n) {
        bad[random.below(bad.size())] = static_cast<std::byte>(random.below(256));
      }
      auto out = decompress(type, bad, 10000);
      if (out.has_value()) {
        EXPECT_LE(out->size(), 10000u);
      }
    }
  }
}

TEST(Compression, AnUnknownTypeIsUnsupported) {
  EXPECT_EQ(decompress(static_cast<Compression>(5), {}).error().code,
            base::ErrorCode::kUnsupported);
  EXPECT_EQ(compress(static_cast<Compression>(7), {}).error().code, base::ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace thalweg::records
