#include "streamcore/base/crc32c.h"

#include <gtest/gtest.h>

#include <vector>

#include "streamcore/base/random.h"

namespace thalweg::base {
namespace {

uint32_t bitwise(ByteView bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const std::byte b : bytes) {
    crc ^= static_cast<uint32_t>(b);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
  }
  return ~crc;
}

std::vector<std::byte> random_bytes(Random& random, size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
  return bytes;
}

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  const std::vector<std::byte> zeros(32, std::byte{0});
  const std::vector<std::byte> ones(32, std::byte{0xFF});
  std::vector<std::byte> up(32);
  std::vector<std::byte> down(32);
  for (size_t i = 0; i < 32; ++i) {
    up[i] = static_cast<std::byte>(i);
    down[i] = static_cast<std::byte>(31 - i);
  }
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAu);
  EXPECT_EQ(crc32c(ones), 0x62A8AB43u);
  EXPECT_EQ(crc32c(up), 0x46DD794Eu);
  EXPECT_EQ(crc32c(down), 0x113FDB5Cu);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, MatchesTheBitwiseDefinitionAtEveryLengthAndAlignment) {
  SeededRandom random(1);
  const auto bytes = random_bytes(random, 40000);
  for (size_t length = 0; length < 1700; ++length) {
    const ByteView view(bytes.data() + length % 13, length);
    ASSERT_EQ(crc32c(view), bitwise(view)) << length;
  }
  for (const size_t length : {12287u, 12288u, 12289u, 24576u, 25344u, 39990u}) {
    const ByteView view(bytes.data() + 3, length);
    ASSERT_EQ(crc32c(view), bitwise(view)) << length;
  }
}

TEST(Crc32c, OfAnySplitIsTheCrcOfTheWhole) {
  SeededRandom random(2);
  const auto bytes = random_bytes(random, 100000);
  const uint32_t whole = crc32c(bytes);
  for (int round = 0; round < 200; ++round) {
    const size_t cut = random.below(bytes.size() + 1);
    const ByteView a(bytes.data(), cut);
    const ByteView b(bytes.data() + cut, bytes.size() - cut);
    ASSERT_EQ(crc32c(b, crc32c(a)), whole) << cut;
    ASSERT_EQ(crc32c_combine(crc32c(a), crc32c(b), b.size()), whole) << cut;
  }
}

TEST(Crc32c, CombinesLengthsBeyondFourGibibytes) {
  // Two routes over 2^33 zero bytes: at once, and as the doubling of halves.
  uint32_t zeros = crc32c(std::vector<std::byte>(1, std::byte{0}));
  uint64_t length = 1;
  while (length < (uint64_t{1} << 33)) {
    zeros = crc32c_combine(zeros, zeros, length);
    length *= 2;
  }
  const uint32_t a = crc32c(as_bytes("head"));
  const uint32_t half = crc32c_combine(a, 0, 0);
  EXPECT_EQ(half, a);
  const uint32_t joined = crc32c_combine(a, zeros, length);
  const uint32_t tail = crc32c(as_bytes("tail"));
  EXPECT_EQ(crc32c_combine(joined, tail, 4),
            crc32c_combine(a, crc32c_combine(zeros, tail, 4), length + 4));
}

}  // namespace
}  // namespace thalweg::base
