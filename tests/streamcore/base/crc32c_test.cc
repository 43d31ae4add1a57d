#include "streamcore/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "streamcore/base/crc32c_paths.h"
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

TEST(Crc32c, BothWaysOfShiftingAgreeAtEveryLength) {
  if (!crc32c_paths::has_clmul()) GTEST_SKIP() << "this machine lacks the instruction";
  SeededRandom random(6);
  for (int round = 0; round < 3000; ++round) {
    const auto state = static_cast<uint32_t>(random.next());
    const uint64_t bytes = round < 1000 ? round : random.next() >> random.below(64);
    ASSERT_EQ(crc32c_paths::shift_clmul(state, bytes), crc32c_paths::shift(state, bytes)) << bytes;
  }
}

struct Path {
  const char* name;
  uint32_t (*advance)(uint32_t, ByteView);
  bool (*available)();
  uint32_t of(ByteView bytes, uint32_t previous = 0) const { return ~advance(~previous, bytes); }
};

class Crc32cPath : public testing::TestWithParam<Path> {
 protected:
  void SetUp() override {
    if (!GetParam().available()) GTEST_SKIP() << "this machine lacks the instructions";
  }
};

constexpr auto kAlways = [] { return true; };

INSTANTIATE_TEST_SUITE_P(
    All, Crc32cPath,
    testing::Values(Path{"serial", crc32c_paths::serial, kAlways},
                    Path{"lanes", crc32c_paths::lanes, kAlways},
                    Path{"fold_avx2", crc32c_paths::fold_avx2, crc32c_paths::has_fold_avx2},
                    Path{"fold_avx512", crc32c_paths::fold_avx512, crc32c_paths::has_fold_avx512}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(Crc32cPath, MatchesTheBitwiseDefinitionAtEveryLength) {
  SeededRandom random(3);
  const auto bytes = random_bytes(random, 2100);
  for (size_t length = 0; length <= 2048; ++length) {
    const ByteView view(bytes.data() + length % 31, length);
    ASSERT_EQ(GetParam().of(view), bitwise(view)) << length;
  }
}

TEST_P(Crc32cPath, MatchesTheBitwiseDefinitionAtEveryAlignment) {
  SeededRandom random(4);
  const auto bytes = random_bytes(random, 64 + 30000);
  for (size_t at = 0; at < 64; ++at) {
    const ByteView view(bytes.data() + at, 1000 + random.below(29000));
    ASSERT_EQ(GetParam().of(view), bitwise(view)) << at << " " << view.size();
  }
}

TEST_P(Crc32cPath, GoesOnFromAnySplit) {
  SeededRandom random(5);
  const auto bytes = random_bytes(random, 20000);
  const uint32_t whole = bitwise(bytes);
  for (int round = 0; round < 300; ++round) {
    const size_t cut = random.below(bytes.size() + 1);
    const ByteView all(bytes);
    ASSERT_EQ(GetParam().of(all.subspan(cut), GetParam().of(all.first(cut))), whole) << cut;
  }
}

TEST_P(Crc32cPath, SeesBitsAllOverAKilobyte) {
  // The CRC is linear: one set bit among zeros tells where its constant is wrong.
  std::vector<std::byte> bytes(1100, std::byte{0});
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
    bytes[bit / 8] = std::byte{1} << (bit % 8);
    ASSERT_EQ(GetParam().of(bytes), bitwise(bytes)) << bit;
    bytes[bit / 8] = std::byte{0};
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
