#include "kafka_protocol/records/record_iterator.h"

#include <algorithm>

#include "kafka_protocol/records/varint.h"
#include "streamcore/base/check.h"

namespace thalweg::records {

using base::ErrorCode;
using base::Result;

namespace {

std::unexpected<base::Error> corrupt(const char* what) {
  return base::fail(ErrorCode::kCorrupt, std::string("record: ") + what);
}

// A length-prefixed field; -1 is null, anything below is malformed.
bool read_nullable(ByteView& in, std::optional<ByteView>& out) {
  int32_t length;
  if (!read_varint(in, length) || length < -1) return false;
  if (length == -1) {
    out.reset();
    return true;
  }
  if (static_cast<size_t>(length) > in.size()) return false;
  out = in.first(static_cast<size_t>(length));
  in = in.subspan(static_cast<size_t>(length));
  return true;
}

bool read_header(ByteView& in, Header& out) {
  std::optional<ByteView> key;
  if (!read_nullable(in, key) || !key.has_value()) return false;
  out.key = *key;
  return read_nullable(in, out.value);
}

// The headers must fill `in` exactly.
bool check_headers(ByteView in, uint32_t count) {
  Header header;
  for (uint32_t i = 0; i < count; ++i) {
    if (!read_header(in, header)) return false;
  }
  return in.empty();
}

}  // namespace

Result<RecordIterator> RecordIterator::open(BatchView batch, size_t uncompressed_bytes_max) {
  RecordIterator it(batch);
  it.rest_ = batch.body();
  if (batch.compression() != Compression::kNone && batch.record_count() > 0) {
    it.uncompressed_ = TRY(decompress(batch.compression(), batch.body(), uncompressed_bytes_max));
    it.rest_ = it.uncompressed_;
  }
  if (batch.record_count() < 0 ||
      static_cast<uint64_t>(batch.record_count()) * kRecordBytesMin > it.rest_.size()) {
    return corrupt("more records than bytes to hold them");
  }
  return it;
}

// A batch that fails may have cost as much as it was allowed.
Result<RecordIterator> RecordIterator::open(BatchView batch, UncompressedBudget& budget) {
  const size_t most = std::min(kUncompressedBytesMax, budget.bytes_left);
  Result<RecordIterator> it = open(batch, most);
  budget.bytes_left -= it.has_value() ? it->uncompressed_.size() : most;
  return it;
}

Result<bool> RecordIterator::next(Record& out) {
  if (seen_ == batch_.record_count()) {
    if (seen_ != 0 && !rest_.empty()) return corrupt("bytes after the last one");
    return false;
  }
  int32_t length;
  if (!read_varint(rest_, length) || length < 0 || static_cast<size_t>(length) > rest_.size()) {
    return corrupt("length");
  }
  ByteView in = rest_.first(static_cast<size_t>(length));
  rest_ = rest_.subspan(static_cast<size_t>(length));
  if (in.empty()) return corrupt("empty");
  in = in.subspan(1);  // attributes: unused

  int64_t timestamp_delta;
  int32_t offset_delta;
  int32_t header_count;
  if (!read_varlong(in, timestamp_delta) || !read_varint(in, offset_delta))
    return corrupt("deltas");
  if (offset_delta <= last_delta_ || offset_delta > batch_.last_offset_delta()) {
    return corrupt("offset delta");
  }
  if (!read_nullable(in, out.key) || !read_nullable(in, out.value)) return corrupt("key or value");
  if (!read_varint(in, header_count) || header_count < 0) return corrupt("header count");
  if (!check_headers(in, static_cast<uint32_t>(header_count))) return corrupt("headers");

  out.header_count = static_cast<uint32_t>(header_count);
  out.headers = in;
  out.offset = batch_.base_offset() + offset_delta;
  if (batch_.log_append_time()) {
    out.timestamp = batch_.max_timestamp();
  } else if (__builtin_add_overflow(batch_.base_timestamp(), timestamp_delta, &out.timestamp)) {
    return corrupt("timestamp");
  }
  last_delta_ = offset_delta;
  ++seen_;
  return true;
}

std::vector<Header> headers_of(const Record& record) {
  std::vector<Header> headers(record.header_count);
  ByteView in = record.headers;
  for (Header& header : headers) CHECK(read_header(in, header));
  return headers;
}

Result<std::optional<OffsetAndTimestamp>> find_offset_by_timestamp(BatchView batch,
                                                                   Timestamp at_least,
                                                                   UncompressedBudget& budget) {
  auto records = TRY(RecordIterator::open(batch, budget));
  Record record;
  while (TRY(records.next(record))) {
    if (record.timestamp >= at_least) return OffsetAndTimestamp{record.offset, record.timestamp};
  }
  return std::nullopt;
}

Result<std::optional<OffsetAndTimestamp>> max_timestamp_record(BatchView batch,
                                                               UncompressedBudget& budget) {
  auto records = TRY(RecordIterator::open(batch, budget));
  std::optional<OffsetAndTimestamp> best;
  Record record;
  while (TRY(records.next(record))) {
    if (!best.has_value() || record.timestamp > best->timestamp) {
      best = OffsetAndTimestamp{record.offset, record.timestamp};
    }
  }
  return best;
}

Result<std::vector<int32_t>> null_key_indexes(BatchView batch, size_t count_max,
                                              UncompressedBudget& budget) {
  auto records = TRY(RecordIterator::open(batch, budget));
  std::vector<int32_t> indexes;
  Record record;
  for (int32_t index = 0; TRY(records.next(record)); ++index) {
    if (!record.key.has_value() && indexes.size() < count_max) indexes.push_back(index);
  }
  return indexes;
}

}  // namespace thalweg::records
