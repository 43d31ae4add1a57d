#include "kafka_protocol/records/record_iterator.h"

#include <gtest/gtest.h>

#include "kafka_protocol/records/varint.h"
#include "streamcore/base/random.h"
#include "tests/kafka_protocol/records/batches.h"

namespace thalweg::records {
namespace {

constexpr Compression kAll[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                Compression::kLz4, Compression::kZstd};

std::string text_of(std::optional<ByteView> field) {
  return field.has_value() ? std::string(base::as_chars(*field)) : "(null)";
}

// Every record, or the first error.
base::Result<std::vector<Record>> read_all(RecordIterator& it) {
  std::vector<Record> records;
  Record record;
  while (TRY(it.next(record))) records.push_back(record);
  return records;
}

TEST(Varint, RoundTripsAtEveryLength) {
  for (int bits = 0; bits < 64; ++bits) {
    for (int64_t value : {int64_t{1} << bits, -(int64_t{1} << (bits % 63)), INT64_MAX, INT64_MIN}) {
      std::vector<std::byte> out;
      append_varlong(out, value);
      EXPECT_EQ(out.size(), varlong_bytes(value));
      ByteView in = out;
      int64_t back;
      ASSERT_TRUE(read_varlong(in, back));
      EXPECT_EQ(back, value);
      EXPECT_TRUE(in.empty());
      in = ByteView(out).first(out.size() - 1);
      EXPECT_FALSE(read_varlong(in, back));
    }
  }
}

TEST(Varint, RefusesMoreBitsThanTheTypeHolds) {
  std::vector<std::byte> long_one(11, std::byte{0x80});
  ByteView in = long_one;
  int64_t wide;
  EXPECT_FALSE(read_varlong(in, wide));
  std::vector<std::byte> past_int32;
  append_varlong(past_int32, int64_t{1} << 31);
  in = past_int32;
  int32_t narrow;
  EXPECT_FALSE(read_varint(in, narrow));
}

TEST(RecordIterator, ReadsBackWhatWasBuiltUnderEveryCompression) {
  for (Compression type : kAll) {
    BatchBuilder builder({.compression = type});
    const Header headers[] = {{base::as_bytes("h"), base::as_bytes("x")},
                              {base::as_bytes(""), std::nullopt}};
    builder.add(1000, base::as_bytes("k"), base::as_bytes("v"), headers);
    builder.add(900, std::nullopt, std::nullopt);
    builder.add(1100, base::as_bytes(""), base::as_bytes(""));
    auto bytes = *std::move(builder).build();
    stamp(bytes.data(), 500, 1);

    auto it = RecordIterator::open(parsed(bytes));
    ASSERT_TRUE(it.has_value());
    auto records = read_all(*it);
    ASSERT_TRUE(records.has_value()) << records.error().message;
    ASSERT_EQ(records->size(), 3u);
    EXPECT_EQ((*records)[0].offset, 500);
    EXPECT_EQ((*records)[0].timestamp, 1000);
    EXPECT_EQ(text_of((*records)[0].key), "k");
    EXPECT_EQ(text_of((*records)[0].value), "v");
    const auto read_headers = headers_of((*records)[0]);
    ASSERT_EQ(read_headers.size(), 2u);
    EXPECT_EQ(base::as_chars(read_headers[0].key), "h");
    EXPECT_EQ(text_of(read_headers[0].value), "x");
    EXPECT_EQ(text_of(read_headers[1].value), "(null)");
    EXPECT_EQ((*records)[1].timestamp, 900);
    EXPECT_EQ(text_of((*records)[1].key), "(null)");
    EXPECT_EQ(text_of((*records)[1].value), "(null)");
    EXPECT_EQ((*records)[2].offset, 502);
    EXPECT_EQ(text_of((*records)[2].key), "");
  }
}

TEST(RecordIterator, LogAppendTimeReplacesTheTimestamps) {
  auto bytes = batch_of({{1, "a", "x"}, {2, "b", "y"}});
  stamp_log_append_time(bytes, 99);
  auto it = RecordIterator::open(parsed(bytes));
  for (const Record& r : *read_all(*it)) EXPECT_EQ(r.timestamp, 99);
}

TEST(RecordIterator, AnEmptyBatchHasNoRecords) {
  UncompressedBudget budget;
  auto bytes = batch_of({{1, "a", "x"}});
  bytes.resize(kBatchHeaderBytes);
  store_big_endian(static_cast<int32_t>(bytes.size() - kLengthEndsAt), bytes.data() + kLengthAt);
  store_big_endian(int32_t{0}, bytes.data() + kRecordCountAt);
  auto it = RecordIterator::open(parsed(bytes));
  ASSERT_TRUE(it.has_value());
  EXPECT_TRUE(read_all(*it)->empty());
  EXPECT_FALSE(max_timestamp_record(parsed(bytes), budget)->has_value());
}

TEST(RecordIterator, BytesAfterTheLastRecordAreCorrupt) {
  auto bytes = batch_of({{1, "a", "x"}});
  bytes.push_back(std::byte{0});
  store_big_endian(static_cast<int32_t>(bytes.size() - kLengthEndsAt), bytes.data() + kLengthAt);
  auto it = RecordIterator::open(parsed(bytes));
  ASSERT_TRUE(it.has_value());
  EXPECT_FALSE(read_all(*it).has_value());
}

TEST(RecordIterator, EveryTruncationIsAnError) {
  const auto good = batch_of({{1, "key", "value"}, {2, "key2", "value2"}});
  for (size_t n = kBatchHeaderBytes; n < good.size(); ++n) {
    std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<long>(n));
    store_big_endian(static_cast<int32_t>(n - kLengthEndsAt), cut.data() + kLengthAt);
    auto it = RecordIterator::open(parsed(cut));
    EXPECT_TRUE(!it.has_value() || !read_all(*it).has_value()) << n;
  }
}

TEST(RecordIterator, MutatedRecordsAreReadOrRefusedWithinBounds) {
  base::SeededRandom random(7);
  for (Compression type : kAll) {
    const auto good =
        batch_of({{1, "key", "value"}, {2, std::nullopt, "v"}, {3, "k", std::nullopt}},
                 {.compression = type});
    for (int i = 0; i < 5000; ++i) {
      auto bad = good;
      for (uint64_t n = 1 + random.below(3); n > 0; --n) {
        const size_t at = kAttributesAt + random.below(bad.size() - kAttributesAt);
        bad[at] = static_cast<std::byte>(random.below(256));
      }
      auto it = RecordIterator::open(parsed(bad), 1u << 20);
      if (!it.has_value()) continue;
      auto records = read_all(*it);
      if (!records.has_value()) continue;
      for (const Record& r : *records) EXPECT_EQ(headers_of(r).size(), r.header_count);
    }
  }
}

TEST(OffsetByTimestamp, IsTheFirstRecordAtOrAfterInOffsetOrder) {  // B34
  UncompressedBudget budget;
  auto bytes = batch_of({{10, "a", "1"}, {30, "b", "2"}, {20, "c", "3"}},
                        {.compression = Compression::kLz4});
  stamp(bytes.data(), 100, 0);
  const BatchView batch = parsed(bytes);
  EXPECT_EQ(*find_offset_by_timestamp(batch, 0, budget), (OffsetAndTimestamp{100, 10}));
  EXPECT_EQ(*find_offset_by_timestamp(batch, 11, budget), (OffsetAndTimestamp{101, 30}));
  EXPECT_EQ(*find_offset_by_timestamp(batch, 31, budget), std::nullopt);
  EXPECT_EQ(*max_timestamp_record(batch, budget), (OffsetAndTimestamp{101, 30}));
}

TEST(NullKeys, AreFoundByIndexUnderCompression) {  // B21
  UncompressedBudget budget;
  const auto bytes = batch_of({{1, "a", "x"}, {1, std::nullopt, "y"}, {1, std::nullopt, "z"}},
                              {.compression = Compression::kZstd});
  EXPECT_EQ(*null_key_indexes(parsed(bytes), 10, budget), (std::vector<int32_t>{1, 2}));
  EXPECT_TRUE(null_key_indexes(parsed(batch_of({{1, "", "x"}})), 10, budget)->empty());
}

TEST(NullKeys, AreListedUpToALimit) {
  const auto bytes = batch_of({{1, std::nullopt, "x"}, {1, std::nullopt, "y"}});
  UncompressedBudget budget;
  EXPECT_EQ(*null_key_indexes(parsed(bytes), 1, budget), (std::vector<int32_t>{0}));
}

TEST(UncompressedBudget, IsSharedByTheBatchesOfARequest) {
  const std::string zeros(1000, '0');
  const auto bytes = batch_of({{1, "a", zeros}}, {.compression = Compression::kLz4});
  UncompressedBudget budget{.bytes_left = 2500};
  EXPECT_TRUE(max_timestamp_record(parsed(bytes), budget).has_value());
  EXPECT_TRUE(max_timestamp_record(parsed(bytes), budget).has_value());
  EXPECT_EQ(max_timestamp_record(parsed(bytes), budget).error().code, base::ErrorCode::kTooLarge);
  EXPECT_EQ(budget.bytes_left, 0u);
}

}  // namespace
}  // namespace thalweg::records
