#include "kafka_protocol/records/batch_view.h"

#include <gtest/gtest.h>

#include "tests/kafka_protocol/records/batches.h"

namespace thalweg::records {
namespace {

constexpr Timestamp kNow = 1'700'000'000'000;

BatchLimits limits() { return {.now = kNow}; }

std::vector<std::byte> two_records(BatchOptions options = {}) {
  return batch_of({{kNow, "k1", "v1"}, {kNow + 5, "k2", "v2"}}, options);
}

BatchFault fault_of(const std::vector<std::byte>& batch, const BatchLimits& l = limits()) {
  auto checked = validate_produce_batch(batch, l);
  EXPECT_FALSE(checked.has_value());
  return checked.has_value() ? BatchFault{0} : checked.error().fault;
}

template <class T>
std::vector<std::byte> with_field(std::vector<std::byte> batch, size_t at, T value) {
  store_big_endian(value, batch.data() + at);
  reseal(batch);
  return batch;
}

TEST(BatchView, ReadsEveryHeaderField) {
  const auto bytes = two_records({.producer_id = 7, .producer_epoch = 3, .base_sequence = 11});
  const BatchView batch = parsed(bytes);
  EXPECT_EQ(batch.base_offset(), 0);
  EXPECT_EQ(batch.leader_epoch(), -1);
  EXPECT_EQ(batch.last_offset_delta(), 1);
  EXPECT_EQ(batch.base_timestamp(), kNow);
  EXPECT_EQ(batch.max_timestamp(), kNow + 5);
  EXPECT_EQ(batch.producer_id(), 7);
  EXPECT_EQ(batch.producer_epoch(), 3);
  EXPECT_EQ(batch.base_sequence(), 11);
  EXPECT_EQ(batch.last_sequence(), 12);
  EXPECT_EQ(batch.record_count(), 2);
  EXPECT_EQ(batch.compression(), Compression::kNone);
  EXPECT_FALSE(batch.transactional());
  EXPECT_FALSE(batch.control());
  EXPECT_TRUE(batch.crc_matches());
}

TEST(BatchView, LastSequenceWrapsToZero) {
  EXPECT_EQ(sequence_after(0x7fffffff, 1), 0);
  EXPECT_EQ(sequence_after(0x7ffffffe, 3), 1);
}

TEST(BatchView, StampLeavesTheCrcValid) {
  auto bytes = two_records();
  stamp(bytes.data(), 1'000'000'000'000, 42);
  const BatchView batch = parsed(bytes);
  EXPECT_EQ(batch.base_offset(), 1'000'000'000'000);
  EXPECT_EQ(batch.last_offset(), 1'000'000'000'001);
  EXPECT_EQ(batch.leader_epoch(), 42);
  EXPECT_TRUE(batch.crc_matches());
}

TEST(BatchView, LogAppendTimeKeepsTheCrcValidWithoutReadingRecords) {
  auto bytes = two_records();
  stamp_log_append_time(bytes, kNow + 77);
  const BatchView batch = parsed(bytes);
  EXPECT_TRUE(batch.log_append_time());
  EXPECT_EQ(batch.max_timestamp(), kNow + 77);
  EXPECT_TRUE(batch.crc_matches());
}

TEST(BatchView, ACorrectedMaxTimestampKeepsAGoodCrcGoodAndABadOneBad) {
  auto bytes = batch_of({{kNow, "key", "value"}});
  stamp_max_timestamp(bytes, kNow + 5);
  EXPECT_EQ(parsed(bytes).max_timestamp(), kNow + 5);
  EXPECT_FALSE(parsed(bytes).log_append_time());
  EXPECT_TRUE(parsed(bytes).crc_matches());
  bytes.back() ^= std::byte{1};
  stamp_max_timestamp(bytes, kNow);
  EXPECT_FALSE(parsed(bytes).crc_matches());
}

TEST(ProduceValidation, AcceptsAWellFormedBatch) {
  EXPECT_TRUE(validate_produce_batch(two_records(), limits()).has_value());
  EXPECT_TRUE(
      validate_produce_batch(
          two_records({.producer_id = 0, .producer_epoch = 0, .base_sequence = 0}), limits())
          .has_value());
}

TEST(ProduceValidation, RefusesNothingOrMoreThanOneBatch) {  // B19
  EXPECT_EQ(fault_of({}), BatchFault::kInvalidRecord);
  auto twice = two_records();
  const auto second = two_records();
  twice.insert(twice.end(), second.begin(), second.end());
  EXPECT_EQ(fault_of(twice), BatchFault::kInvalidRecord);
}

TEST(ProduceValidation, RefusesOldMagic) {  // B19
  EXPECT_EQ(fault_of(with_field(two_records(), kMagicAt, int8_t{1})), BatchFault::kInvalidRecord);
}

TEST(ProduceValidation, RefusesABaseOffsetOtherThanZero) {  // B19
  EXPECT_EQ(fault_of(with_field(two_records(), kBaseOffsetAt, int64_t{1})),
            BatchFault::kInvalidRecord);
}

TEST(ProduceValidation, RefusesCountsThatDoNotFit) {  // B19
  EXPECT_EQ(fault_of(with_field(two_records(), kRecordCountAt, int32_t{3})),
            BatchFault::kInvalidRecord);
  EXPECT_EQ(fault_of(with_field(two_records(), kRecordCountAt, int32_t{0})),
            BatchFault::kInvalidRecord);
  EXPECT_EQ(fault_of(with_field(two_records(), kRecordCountAt, int32_t{-1})),
            BatchFault::kInvalidRecord);
  auto many = with_field(two_records(), kRecordCountAt, int32_t{0x7fffffff});
  EXPECT_EQ(fault_of(with_field(many, kLastOffsetDeltaAt, int32_t{0x7ffffffe})),
            BatchFault::kInvalidRecord);
  EXPECT_EQ(fault_of(with_field(two_records(), kLastOffsetDeltaAt, int32_t{0x7fffffff})),
            BatchFault::kInvalidRecord);
}

TEST(ProduceValidation, RefusesControlAndUnverifiedTransactionalBatches) {  // B19
  EXPECT_EQ(fault_of(two_records({.control = true})), BatchFault::kInvalidRecord);
  const BatchOptions txn{
      .producer_id = 1, .producer_epoch = 0, .base_sequence = 0, .transactional = true};
  EXPECT_EQ(fault_of(two_records(txn)), BatchFault::kInvalidTxnState);
  auto allowed = limits();
  allowed.transactional_allowed = true;
  EXPECT_TRUE(validate_produce_batch(two_records(txn), allowed).has_value());
  EXPECT_EQ(fault_of(two_records({.transactional = true}), allowed), BatchFault::kInvalidRecord);
}

TEST(ProduceValidation, RefusesAProducerWithoutASequence) {  // B19
  EXPECT_EQ(fault_of(two_records({.producer_id = 1, .producer_epoch = 0})),
            BatchFault::kInvalidRecord);
  EXPECT_EQ(fault_of(two_records({.producer_id = 1, .base_sequence = 0})),
            BatchFault::kInvalidRecord);
}

TEST(ProduceValidation, EveryBitFlipUnderTheCrcIsRefused) {  // B20
  const auto good = two_records();
  for (size_t bit = kCrcAt * 8; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    EXPECT_EQ(fault_of(bad), BatchFault::kCorruptMessage) << bit;
  }
}

TEST(ProduceValidation, EveryTruncationIsRefused) {
  const auto good = two_records();
  for (size_t n = 0; n < good.size(); ++n) {
    const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<long>(n));
    EXPECT_FALSE(validate_produce_batch(cut, limits()).has_value()) << n;
  }
}

TEST(ProduceValidation, RefusesABatchLargerThanTheTopicAllows) {  // B21
  auto small = limits();
  small.batch_bytes_max = 20;
  EXPECT_EQ(fault_of(two_records(), small), BatchFault::kMessageTooLarge);
}

TEST(ProduceValidation, RefusesTimestampsOutsideTheRange) {  // B21
  EXPECT_EQ(fault_of(batch_of({{kNow + 3600001, "k", "v"}})), BatchFault::kInvalidTimestamp);
  EXPECT_TRUE(validate_produce_batch(batch_of({{kNow + 3600000, "k", "v"}}), limits()).has_value());
  EXPECT_TRUE(validate_produce_batch(batch_of({{0, "k", "v"}}), limits()).has_value());
  EXPECT_TRUE(validate_produce_batch(batch_of({{-1, "k", "v"}}), limits()).has_value());
  auto narrow = limits();
  narrow.timestamp_before_max_ms = 1000;
  EXPECT_EQ(fault_of(batch_of({{kNow - 1001, "k", "v"}}), narrow), BatchFault::kInvalidTimestamp);
  narrow.log_append_time = true;
  EXPECT_TRUE(validate_produce_batch(batch_of({{0, "k", "v"}}), narrow).has_value());
}

TEST(ProduceValidation, RefusesExtremeTimestampsWithoutOverflow) {
  for (int64_t t : {INT64_MAX, INT64_MIN, int64_t{-2}}) {
    EXPECT_EQ(fault_of(with_field(two_records(), kMaxTimestampAt, t)),
              BatchFault::kInvalidTimestamp);
  }
}

TEST(ProduceValidation, RefusesUnknownCompressionAndZstdBeforeItsVersion) {  // B19
  EXPECT_EQ(fault_of(with_field(two_records(), kAttributesAt, uint16_t{5})),
            BatchFault::kUnsupportedCompressionType);
  auto old = limits();
  old.zstd_allowed = false;
  EXPECT_EQ(fault_of(two_records({.compression = Compression::kZstd}), old),
            BatchFault::kUnsupportedCompressionType);
}

TEST(ProduceValidation, RefusesAttributesOnlyABrokerMaySet) {
  EXPECT_EQ(fault_of(with_field(two_records(), kAttributesAt, kLogAppendTimeBit)),
            BatchFault::kInvalidTimestamp);
  EXPECT_EQ(fault_of(with_field(two_records(), kAttributesAt, kDeleteHorizonBit)),
            BatchFault::kInvalidRecord);
}

}  // namespace
}  // namespace thalweg::records
