// BatchView: the header of one RecordBatch v2, read in place, and the checks a batch passes before
// it is appended.
//
// A view borrows the bytes; whoever made it keeps them alive. parse() proves that the batch lies
// within its bytes and has magic 2, so that no accessor can read outside. Everything here is pure
// and never looks into compressed records.
#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <string>

#include "kafka_protocol/records/batch_format.h"
#include "streamcore/base/bytes.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/result.h"

namespace thalweg::records {

using base::ByteView;
using base::Timestamp;

enum class Compression : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

class BatchView {
 public:
  // The batch at the front of `bytes`; more may follow it. kCorrupt if it does not lie within
  // `bytes` or has another magic. The CRC is not checked.
  static base::Result<BatchView> parse(ByteView bytes);

  // The whole batch, header included.
  ByteView bytes() const { return bytes_; }
  // What follows the header: records, or one compressed block of them.
  ByteView body() const { return bytes_.subspan(kBatchHeaderBytes); }

  int64_t base_offset() const { return load<int64_t>(kBaseOffsetAt); }
  int32_t leader_epoch() const { return load<int32_t>(kLeaderEpochAt); }
  uint32_t crc() const { return load<uint32_t>(kCrcAt); }
  uint16_t attributes() const { return load<uint16_t>(kAttributesAt); }
  int32_t last_offset_delta() const { return load<int32_t>(kLastOffsetDeltaAt); }
  Timestamp base_timestamp() const { return load<int64_t>(kBaseTimestampAt); }
  Timestamp max_timestamp() const { return load<int64_t>(kMaxTimestampAt); }
  int64_t producer_id() const { return load<int64_t>(kProducerIdAt); }
  int16_t producer_epoch() const { return load<int16_t>(kProducerEpochAt); }
  int32_t base_sequence() const { return load<int32_t>(kBaseSequenceAt); }
  int32_t record_count() const { return load<int32_t>(kRecordCountAt); }

  // The low three bits of the attributes; values above kZstd are possible in an unchecked batch.
  Compression compression() const {
    return static_cast<Compression>(attributes() & kCompressionMask);
  }
  bool log_append_time() const { return (attributes() & kLogAppendTimeBit) != 0; }
  bool transactional() const { return (attributes() & kTransactionalBit) != 0; }
  bool control() const { return (attributes() & kControlBit) != 0; }
  bool has_producer() const { return producer_id() >= 0; }
  int64_t last_offset() const { return base_offset() + last_offset_delta(); }
  // The sequence of the last record; sequences wrap from 2^31 - 1 to 0.
  int32_t last_sequence() const;

  bool crc_matches() const;

 private:
  explicit BatchView(ByteView bytes) : bytes_(bytes) {}
  template <class T>
  T load(size_t at) const {
    return load_big_endian<T>(bytes_.data() + at);
  }

  ByteView bytes_;
};

// Why a produced batch is refused. The values are the error codes of the wire protocol.
enum class BatchFault : int16_t {
  kCorruptMessage = 2,
  kMessageTooLarge = 10,
  kInvalidTimestamp = 32,
  kInvalidTxnState = 48,
  kUnsupportedCompressionType = 76,
  kInvalidRecord = 87,
};

struct BatchRefusal {
  BatchFault fault;
  std::string message;
};

struct BatchLimits {
  size_t batch_bytes_max = 1048588;  // max.message.bytes, compared with the batch as sent
  Timestamp now = 0;
  // How far a create time may lie from `now`; ignored when the topic uses log append time.
  int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
  int64_t timestamp_after_max_ms = 3600000;
  bool log_append_time = false;
  bool zstd_allowed = true;            // false for Produce below v7
  bool transactional_allowed = false;  // true once the caller has verified the transaction
};

// Checks the records of one partition of a Produce request: exactly one well-formed batch that a
// client may write. The checks follow Kafka's ProduceRequest.validateRecords,
// UnifiedLog.analyzeAndValidateRecords and LogValidator.validateBatch, in that order, except that
// records are not decoded.
std::expected<BatchView, BatchRefusal> validate_produce_batch(ByteView records,
                                                              const BatchLimits& limits);

// Writes the two fields that lie outside the CRC. `batch` points at a whole header.
void stamp(std::byte* batch, int64_t base_offset, int32_t leader_epoch);

// Makes the batch one of log append time: sets the attribute and the max timestamp and brings the
// CRC up to date without reading the records. `batch` is exactly one batch that passed validation.
void stamp_log_append_time(base::MutableByteView batch, Timestamp now);

// Corrects the max timestamp and brings the CRC up to date likewise; a CRC that was wrong stays
// wrong. `batch` holds a whole header.
void stamp_max_timestamp(base::MutableByteView batch, Timestamp max_timestamp);

// The sequence `count` records after `sequence`: 0 follows 2^31 - 1.
int32_t sequence_after(int32_t sequence, int32_t count);

}  // namespace thalweg::records
