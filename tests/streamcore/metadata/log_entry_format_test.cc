#include "streamcore/metadata/log_entry_format.h"

#include <gtest/gtest.h>

#include "streamcore/base/byte_codec.h"
#include "streamcore/metadata/log_objects.h"

namespace thalweg::metadata {

namespace {

constexpr LogPosition kSlot(0x0102030405060708);

LogEntry sample() {
  LogEntry entry{.incarnation = {.drawn_at = 0x1122334455667788, .nonce = 42},
                 .counter = 7,
                 .retired = {{1, 2}, {3, 4}},
                 .transactions = {}};
  entry.transactions.push_back(
      Transaction().require("a", "1").require("b", std::nullopt).set("c", "").erase("d"));
  entry.transactions.emplace_back();
  entry.transactions.push_back(Transaction().set("", std::string("\0\xff", 2)));
  return entry;
}

TEST(LogEntryFormat, RoundTrips) {
  const LogEntry entry = sample();
  const auto decoded = decode_log_entry(encode_log_entry(entry, kSlot), kSlot);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->incarnation, entry.incarnation);
  EXPECT_EQ(decoded->counter, entry.counter);
  EXPECT_EQ(decoded->retired, entry.retired);
  ASSERT_EQ(decoded->transactions.size(), entry.transactions.size());
  for (size_t i = 0; i < entry.transactions.size(); ++i) {
    EXPECT_EQ(decoded->transactions[i].conditions, entry.transactions[i].conditions);
    EXPECT_EQ(decoded->transactions[i].writes, entry.transactions[i].writes);
  }
}

TEST(LogEntryFormat, EntriesOfVersion1AreRead) {
  std::string bytes = encode_log_entry(sample(), kSlot);
  ASSERT_EQ(bytes[4], 2);
  bytes.resize(bytes.size() - sizeof(uint32_t));
  bytes[4] = 1;
  bytes.erase(5, sizeof(uint64_t));
  const uint32_t crc = base::crc32c(base::as_bytes(bytes));
  bytes.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  const auto decoded = decode_log_entry(bytes, kSlot);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->incarnation, sample().incarnation);
  EXPECT_EQ(decoded->transactions.size(), sample().transactions.size());
}

TEST(LogEntryFormat, AnotherSlotsEntryIsCorruptAndBothSlotsAreNamed) {
  const auto decoded =
      decode_log_entry(encode_log_entry(sample(), LogPosition(41)), LogPosition(42));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, base::ErrorCode::kCorrupt);
  EXPECT_EQ(decoded.error().message, object_name(kLogPrefix, LogPosition(42)) +
                                         ": expected slot 42, got the entry of slot 41");
}

TEST(LogEntryFormat, EncodedBytesOfATransactionIsWhatItAdds) {
  LogEntry entry = sample();
  const size_t before = encode_log_entry(entry, kSlot).size();
  const Transaction more = Transaction().require("k", std::nullopt).set("key", "value").erase("x");
  entry.transactions.push_back(more);
  EXPECT_EQ(encode_log_entry(entry, kSlot).size() - before, encoded_bytes(more));
}

TEST(LogEntryFormat, EveryTruncationIsDetected) {
  const std::string bytes = encode_log_entry(sample(), kSlot);
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto decoded = decode_log_entry(std::string_view(bytes).substr(0, length), kSlot);
    ASSERT_FALSE(decoded) << length;
    EXPECT_EQ(decoded.error().code, base::ErrorCode::kCorrupt);
  }
}

TEST(LogEntryFormat, EverySingleBitFlipIsDetected) {
  std::string bytes = encode_log_entry(sample(), kSlot);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = decode_log_entry(bytes, kSlot);
    ASSERT_FALSE(decoded) << bit;
    EXPECT_NE(decoded.error().message.find(object_name(kLogPrefix, kSlot)), std::string::npos);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

TEST(LogEntryFormat, CountBeyondTheContentIsRefusedBeforeAllocating) {
  base::ByteWriter out;
  out.put(uint32_t{0x454C4D54}).put(uint8_t{1}).put(uint64_t{1}).put(uint64_t{1}).put(uint64_t{1});
  out.put(uint32_t{0}).put(uint32_t{0xFFFFFFFF});
  const auto decoded = decode_log_entry(std::move(out).seal(), kSlot);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, base::ErrorCode::kCorrupt);
}

TEST(LogEntryFormat, UnknownVersionIsUnsupported) {
  base::ByteWriter out;
  out.put(uint32_t{0x454C4D54}).put(uint8_t{3}).put(uint64_t{1});
  const auto decoded = decode_log_entry(std::move(out).seal(), kSlot);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, base::ErrorCode::kUnsupported);
}

}  // namespace

}  // namespace thalweg::metadata
