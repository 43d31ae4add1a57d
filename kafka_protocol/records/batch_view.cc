#include "kafka_protocol/records/batch_view.h"

#include "streamcore/base/crc32c.h"

namespace thalweg::records {

using base::ErrorCode;

namespace {

std::unexpected<BatchRefusal> refuse(BatchFault fault, std::string message) {
  return std::unexpected(BatchRefusal{fault, std::move(message)});
}

// Subtracts without overflow: a client chooses one side.
bool further_than(Timestamp later, Timestamp earlier, int64_t distance_max) {
  int64_t distance;
  if (__builtin_sub_overflow(later, earlier, &distance)) return later > earlier;
  return distance > distance_max;
}

bool timestamp_in_range(Timestamp t, const BatchLimits& limits) {
  if (t == -1) return true;
  if (t < 0) return false;
  return !further_than(t, limits.now, limits.timestamp_after_max_ms) &&
         !further_than(limits.now, t, limits.timestamp_before_max_ms);
}

std::expected<void, BatchRefusal> check_counts(const BatchView& batch) {
  if (batch.base_offset() != 0) {
    return refuse(BatchFault::kInvalidRecord, "the base offset of a produced batch must be 0");
  }
  const int64_t count = batch.record_count();
  if (count <= 0 || int64_t{batch.last_offset_delta()} + 1 != count) {
    return refuse(BatchFault::kInvalidRecord, "record count " + std::to_string(count) +
                                                  " does not fit last offset delta " +
                                                  std::to_string(batch.last_offset_delta()));
  }
  if (batch.compression() == Compression::kNone &&
      static_cast<uint64_t>(count) * kRecordBytesMin > batch.body().size()) {
    return refuse(BatchFault::kInvalidRecord, "more records than bytes to hold them");
  }
  if (batch.body().empty()) {
    return refuse(BatchFault::kInvalidRecord, "a batch without records");
  }
  return {};
}

std::expected<void, BatchRefusal> check_producer(const BatchView& batch,
                                                 const BatchLimits& limits) {
  if (batch.control()) {
    return refuse(BatchFault::kInvalidRecord, "clients may not write control records");
  }
  if (batch.transactional() && !limits.transactional_allowed) {
    return refuse(BatchFault::kInvalidTxnState, "the partition is not part of a transaction");
  }
  if (batch.transactional() && !batch.has_producer()) {
    return refuse(BatchFault::kInvalidRecord, "a transactional batch needs a producer id");
  }
  if (batch.has_producer() && (batch.base_sequence() < 0 || batch.producer_epoch() < 0)) {
    return refuse(BatchFault::kInvalidRecord,
                  "a batch with a producer id needs an epoch and a base sequence");
  }
  return {};
}

std::expected<void, BatchRefusal> check_attributes(const BatchView& batch,
                                                   const BatchLimits& limits) {
  if (batch.compression() > Compression::kZstd ||
      (batch.compression() == Compression::kZstd && !limits.zstd_allowed)) {
    return refuse(BatchFault::kUnsupportedCompressionType,
                  "compression type " + std::to_string(static_cast<int>(batch.compression())) +
                      " is not supported here");
  }
  if ((batch.attributes() & kDeleteHorizonBit) != 0) {
    return refuse(BatchFault::kInvalidRecord, "clients may not set a delete horizon");
  }
  if (batch.log_append_time()) {
    return refuse(BatchFault::kInvalidTimestamp, "clients may not set log append time");
  }
  if (!limits.log_append_time && !(timestamp_in_range(batch.base_timestamp(), limits) &&
                                   timestamp_in_range(batch.max_timestamp(), limits))) {
    return refuse(BatchFault::kInvalidTimestamp,
                  "timestamps " + std::to_string(batch.base_timestamp()) + ".." +
                      std::to_string(batch.max_timestamp()) + " are too far from " +
                      std::to_string(limits.now));
  }
  return {};
}

}  // namespace

base::Result<BatchView> BatchView::parse(ByteView bytes) {
  if (bytes.size() < kMagicAt + 1) return base::fail(ErrorCode::kCorrupt, "batch: header cut off");
  const auto magic = load_big_endian<int8_t>(bytes.data() + kMagicAt);
  if (magic != kMagic) {
    return base::fail(ErrorCode::kCorrupt, "batch: magic " + std::to_string(magic) + ", not 2");
  }
  const int64_t length = load_big_endian<int32_t>(bytes.data() + kLengthAt);
  const int64_t total = length + static_cast<int64_t>(kLengthEndsAt);
  if (total < static_cast<int64_t>(kBatchHeaderBytes) ||
      total > static_cast<int64_t>(bytes.size())) {
    return base::fail(ErrorCode::kCorrupt, "batch: length " + std::to_string(length) + " in " +
                                               std::to_string(bytes.size()) + " bytes");
  }
  return BatchView(bytes.first(static_cast<size_t>(total)));
}

int32_t BatchView::last_sequence() const {
  return sequence_after(base_sequence(), last_offset_delta());
}

bool BatchView::crc_matches() const { return crc() == base::crc32c(bytes_.subspan(kAttributesAt)); }

std::expected<BatchView, BatchRefusal> validate_produce_batch(ByteView records,
                                                              const BatchLimits& limits) {
  if (records.empty()) return refuse(BatchFault::kInvalidRecord, "no record batch");
  if (records.size() > kMagicAt && load_big_endian<int8_t>(records.data() + kMagicAt) != kMagic) {
    return refuse(BatchFault::kInvalidRecord, "only record batches of magic 2 are accepted");
  }
  auto batch = BatchView::parse(records);
  if (!batch) return refuse(BatchFault::kCorruptMessage, std::move(batch).error().message);
  if (batch->bytes().size() != records.size()) {
    return refuse(BatchFault::kInvalidRecord, "exactly one record batch is accepted");
  }
  if (records.size() > limits.batch_bytes_max) {
    return refuse(BatchFault::kMessageTooLarge, "a batch of " + std::to_string(records.size()) +
                                                    " bytes, more than " +
                                                    std::to_string(limits.batch_bytes_max));
  }
  if (!batch->crc_matches()) return refuse(BatchFault::kCorruptMessage, "the CRC does not match");
  if (auto ok = check_counts(*batch); !ok) return std::unexpected(std::move(ok).error());
  if (auto ok = check_producer(*batch, limits); !ok) return std::unexpected(std::move(ok).error());
  if (auto ok = check_attributes(*batch, limits); !ok) {
    return std::unexpected(std::move(ok).error());
  }
  return *batch;
}

void stamp(std::byte* batch, int64_t base_offset, int32_t leader_epoch) {
  store_big_endian(base_offset, batch + kBaseOffsetAt);
  store_big_endian(leader_epoch, batch + kLeaderEpochAt);
}

// Sets attributes and max timestamp; both are under the CRC.
static void change_covered(base::MutableByteView batch, uint16_t attributes, Timestamp max) {
  constexpr size_t kChangedEnd = kMaxTimestampAt + sizeof(int64_t);
  const auto changed = ByteView(batch).subspan(kAttributesAt, kChangedEnd - kAttributesAt);
  const uint64_t rest = batch.size() - kChangedEnd;
  std::byte* const at = batch.data();

  // crc(A | B) = shift(crc(A), |B|) ^ crc(B), so replacing A needs neither B nor its CRC.
  const uint32_t before = base::crc32c_combine(base::crc32c(changed), 0, rest);
  store_big_endian(attributes, at + kAttributesAt);
  store_big_endian(max, at + kMaxTimestampAt);
  const uint32_t after = base::crc32c_combine(base::crc32c(changed), 0, rest);
  store_big_endian(load_big_endian<uint32_t>(at + kCrcAt) ^ before ^ after, at + kCrcAt);
}

void stamp_log_append_time(base::MutableByteView batch, Timestamp now) {
  const auto attributes = load_big_endian<uint16_t>(batch.data() + kAttributesAt);
  change_covered(batch, attributes | kLogAppendTimeBit, now);
}

void stamp_max_timestamp(base::MutableByteView batch, Timestamp max_timestamp) {
  change_covered(batch, load_big_endian<uint16_t>(batch.data() + kAttributesAt), max_timestamp);
}

int32_t sequence_after(int32_t sequence, int32_t count) {
  return static_cast<int32_t>((int64_t{sequence} + count) & 0x7fffffff);
}

}  // namespace thalweg::records
