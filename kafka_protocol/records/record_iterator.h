// RecordIterator: the records of one batch in order, decompressed if need be, every length checked
// against the bytes that are left. Used only where the broker must look inside: offsets by
// timestamp, keys of compacted topics, and its own coordinator streams.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/records/compression.h"
#include "streamcore/base/result.h"

namespace thalweg::records {

struct Record {
  int64_t offset = 0;
  Timestamp timestamp = -1;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  uint32_t header_count = 0;
  ByteView headers;  // encoded, known to be well formed
};

struct Header {
  ByteView key;
  std::optional<ByteView> value;
};

class RecordIterator {
 public:
  // `batch` must outlive the iterator. Errors as decompress(); kCorrupt if the record count cannot
  // be.
  static base::Result<RecordIterator> open(BatchView batch,
                                           size_t uncompressed_bytes_max = kUncompressedBytesMax);
  // The same within what is left for a request, and takes from it.
  static base::Result<RecordIterator> open(BatchView batch, UncompressedBudget& budget);

  // The next record; its views live as long as the iterator and the batch. False after the last
  // one. kCorrupt for anything malformed, including bytes left after the last record; the iterator
  // is of no more use then.
  base::Result<bool> next(Record& out);

 private:
  explicit RecordIterator(BatchView batch) : batch_(batch) {}

  BatchView batch_;
  std::vector<std::byte> uncompressed_;
  ByteView rest_;
  int32_t seen_ = 0;
  int64_t last_delta_ = -1;
};

// The headers of a record, in order.
std::vector<Header> headers_of(const Record& record);

struct OffsetAndTimestamp {
  int64_t offset;
  Timestamp timestamp;
  friend bool operator==(const OffsetAndTimestamp&, const OffsetAndTimestamp&) = default;
};

// These decompress: kTooLarge past what one batch, or the request, may come to.

// The first record of the batch whose timestamp is `at_least` or later, if there is one.
base::Result<std::optional<OffsetAndTimestamp>> find_offset_by_timestamp(
    BatchView batch, Timestamp at_least, UncompressedBudget& budget);

// The first record with the largest timestamp; none in an empty batch.
base::Result<std::optional<OffsetAndTimestamp>> max_timestamp_record(BatchView batch,
                                                                     UncompressedBudget& budget);

// The indexes within the batch of records without a key, at most `count_max` of them; a compacted
// topic refuses them.
base::Result<std::vector<int32_t>> null_key_indexes(BatchView batch, size_t count_max,
                                                    UncompressedBudget& budget);

}  // namespace thalweg::records
