#include "streamcore/metadata/snapshot_format.h"

#include <gtest/gtest.h>

#include "streamcore/base/random.h"

namespace thalweg::metadata {

namespace {

constexpr LogPosition kPosition(1234);

void fill(OrderedState& state, size_t rows) {
  base::SeededRandom random(5);
  for (size_t i = 0; i < rows; ++i) {
    state.append_row("row/" + std::to_string(1'000'000 + i),
                     std::string(random.below(120), static_cast<char>(i)));
  }
  state.set_incarnation(
      {1, 2}, {.last_counter = 9, .last_slot = LogPosition(7), .held = {true, false, true}});
  state.set_incarnation({3, 4}, {.last_counter = 1, .last_slot = LogPosition(8), .held = {}});
  state.set_incarnation(
      {5, 6},
      {.last_counter = 1, .last_slot = LogPosition(9), .held = std::vector<bool>(17, true)});
}

std::vector<std::string> encode(OrderedState& state, size_t slice) {
  FrozenState frozen(state);
  SnapshotEncoder encoder(kPosition, frozen);
  std::vector<std::string> parts;
  while (auto part = encoder.next(slice)) parts.push_back(std::move(*part));
  return parts;
}

std::string join(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

base::Status decode(std::string_view bytes, LogPosition position, size_t slice,
                    OrderedState& into) {
  SnapshotDecoder decoder(bytes, position, "meta/snapshot/x", into);
  while (!TRY(decoder.step(slice))) {
  }
  return {};
}

base::Status verify(std::string_view bytes, LogPosition position, size_t slice) {
  SnapshotVerifier verifier;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(slice, bytes.size()))) {
    verifier.add(bytes.substr(0, slice));
  }
  return verifier.finish(position, "meta/snapshot/x");
}

TEST(SnapshotFormat, RoundTripsInSlicesOfAnySize) {
  OrderedState state;
  fill(state, 300);
  for (const size_t slice : {size_t{1}, size_t{7}, size_t{1000}, kSnapshotSliceBytes}) {
    const std::string bytes = join(encode(state, slice));
    EXPECT_TRUE(verify(bytes, kPosition, slice));
    OrderedState decoded;
    ASSERT_TRUE(decode(bytes, kPosition, slice, decoded));
    EXPECT_EQ(decoded.rows(), state.rows());
    EXPECT_EQ(decoded.incarnations(), state.incarnations());
  }
}

TEST(SnapshotFormat, InVersion1IncarnationsAreAsOldAsTheSnapshot) {
  base::ByteWriter out;
  out.put(uint32_t{0x4E534D54}).put(uint8_t{1}).put(kPosition.value);
  out.put(uint64_t{1}).put(uint32_t{1});
  out.put(uint64_t{5}).put(uint64_t{6}).put(uint64_t{3}).put(uint32_t{2}).put(uint8_t{2});
  out.put_bytes("a").put_bytes("1");
  const std::string bytes = std::move(out).seal();
  EXPECT_TRUE(verify(bytes, kPosition, 100));
  OrderedState decoded;
  ASSERT_TRUE(decode(bytes, kPosition, 100, decoded));
  EXPECT_EQ(decoded.get("a"), "1");
  const IncarnationRow expected{.last_counter = 3, .last_slot = kPosition, .held = {false, true}};
  EXPECT_EQ(*decoded.incarnation({5, 6}), expected);
}

TEST(SnapshotFormat, EmptyStateRoundTrips) {
  OrderedState state;
  OrderedState decoded;
  ASSERT_TRUE(decode(join(encode(state, 100)), kPosition, 100, decoded));
  EXPECT_TRUE(decoded.rows().empty());
  EXPECT_TRUE(decoded.incarnations().empty());
}

TEST(SnapshotFormat, PartsAreAboutASliceLong) {
  OrderedState state;
  fill(state, 20'000);
  const auto parts = encode(state, 64 << 10);
  EXPECT_GT(parts.size(), 20u);
  for (const std::string& part : parts) EXPECT_LT(part.size(), (64 << 10) * 3 / 2);
}

TEST(SnapshotFormat, EveryTruncationIsDetected) {
  OrderedState state;
  fill(state, 5);
  const std::string bytes = join(encode(state, 100));
  for (size_t length = 0; length < bytes.size(); ++length) {
    const std::string_view cut = std::string_view(bytes).substr(0, length);
    OrderedState decoded;
    EXPECT_FALSE(decode(cut, kPosition, 10, decoded)) << length;
    EXPECT_FALSE(verify(cut, kPosition, 10)) << length;
  }
}

TEST(SnapshotFormat, EverySingleBitFlipIsDetected) {
  OrderedState state;
  fill(state, 5);
  std::string bytes = join(encode(state, 100));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    OrderedState decoded;
    ASSERT_FALSE(decode(bytes, kPosition, 64, decoded)) << bit;
    ASSERT_FALSE(verify(bytes, kPosition, 64)) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

TEST(SnapshotFormat, SnapshotOfAnotherPositionIsRefused) {
  OrderedState state;
  fill(state, 5);
  const std::string bytes = join(encode(state, 100));
  OrderedState decoded;
  EXPECT_FALSE(decode(bytes, kPosition + 1, 64, decoded));
  EXPECT_FALSE(verify(bytes, kPosition + 1, 64));
}

TEST(SnapshotFormat, RowCountBeyondTheContentIsRefused) {
  base::ByteWriter out;
  out.put(uint32_t{0x4E534D54}).put(uint8_t{1}).put(kPosition.value);
  out.put(UINT64_MAX).put(uint32_t{0});
  OrderedState decoded;
  const auto status = decode(std::move(out).seal(), kPosition, 100, decoded);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::ErrorCode::kCorrupt);
}

TEST(SnapshotFormat, KeysOutOfOrderAreRefused) {
  base::ByteWriter out;
  out.put(uint32_t{0x4E534D54}).put(uint8_t{1}).put(kPosition.value);
  out.put(uint64_t{2}).put(uint32_t{0});
  out.put_bytes("b").put_bytes("").put_bytes("a").put_bytes("");
  OrderedState decoded;
  EXPECT_FALSE(decode(std::move(out).seal(), kPosition, 100, decoded));
}

}  // namespace

}  // namespace thalweg::metadata
