#include "streamcore/entry_format.h"

#include "tests/streamcore/base/damage.h"

namespace thalweg {
namespace {

EntryHeader a_header() {
  return {.stream = StreamId(0x0123456789ABCDEF),
          .base = Offset(uint64_t{1} << 40),
          .max_timestamp = 1'893'456'000'000,
          .count = 77,
          .length = 13,
          .leader_epoch = LeaderEpoch(5)};
}

std::string encoded(const EntryHeader& header) {
  std::string bytes(framed_entry_bytes(header.length), '\0');
  encode_entry_header(header, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

TEST(EntryFormat, IsReadBackAsItWasWritten) {
  EntryHeader none = a_header();
  none.max_timestamp = -1;
  none.length = 0;
  for (const EntryHeader& header : {a_header(), none}) {
    const std::string bytes = encoded(header);
    EXPECT_EQ(decode_entry_header(base::as_bytes(bytes)), header);
    EXPECT_EQ(decode_entry_header_alone(base::as_bytes(bytes)), header);
    EXPECT_EQ(decode_verified_entry_header(base::as_bytes(bytes)), header);
  }
}

TEST(EntryFormat, AFrameIsAMultipleOfEightThatHoldsItsPayload) {
  for (size_t length = 0; length < 100; ++length) {
    EXPECT_EQ(framed_entry_bytes(length) % kEntryAlignment, 0u);
    EXPECT_GE(framed_entry_bytes(length), kEntryHeaderBytes + length);
    EXPECT_LT(framed_entry_bytes(length), kEntryHeaderBytes + length + kEntryAlignment);
  }
}

TEST(EntryFormat, EveryTruncationIsDetected) {
  const std::string bytes = encoded(a_header());
  for (size_t length = 0; length < bytes.size(); ++length) {
    // A copy on the heap, so that a read past its end is seen by AddressSanitizer.
    const std::string cut(bytes, 0, length);
    EXPECT_EQ(decode_entry_header(base::as_bytes(cut)).error().code, base::ErrorCode::kCorrupt);
    EXPECT_EQ(decode_verified_entry_header(base::as_bytes(cut)).error().code,
              base::ErrorCode::kCorrupt);
  }
}

TEST(EntryFormat, EverySingleBitFlipOfTheHeaderIsDetected) {
  const auto decode = [](std::string_view bytes) {
    return decode_entry_header_alone(base::as_bytes(bytes));
  };
  base::expect_every_bit_flip_is_detected(decode, encoded(a_header()).substr(0, kEntryHeaderBytes));
}

TEST(EntryFormat, AnEntryThatSpansNoOffsetIsCorrupt) {
  EntryHeader header = a_header();
  header.count = 0;
  EXPECT_EQ(decode_entry_header(base::as_bytes(encoded(header))).error().code,
            base::ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace thalweg
