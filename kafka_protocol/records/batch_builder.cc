#include "kafka_protocol/records/batch_builder.h"

#include <algorithm>

#include "kafka_protocol/records/compression.h"
#include "kafka_protocol/records/varint.h"
#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"

namespace thalweg::records {

namespace {

size_t nullable_bytes(const std::optional<ByteView>& field) {
  if (!field.has_value()) return varlong_bytes(-1);
  return varlong_bytes(static_cast<int64_t>(field->size())) + field->size();
}

void append_nullable(std::vector<std::byte>& out, const std::optional<ByteView>& field) {
  append_varlong(out, field.has_value() ? static_cast<int64_t>(field->size()) : -1);
  if (field.has_value()) out.insert(out.end(), field->begin(), field->end());
}

}  // namespace

void BatchBuilder::add(Timestamp timestamp, std::optional<ByteView> key,
                       std::optional<ByteView> value, std::span<const Header> headers) {
  if (count_ == 0) base_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  const int64_t timestamp_delta = timestamp - base_timestamp_;

  size_t length = 1 + varlong_bytes(timestamp_delta) + varlong_bytes(count_) + nullable_bytes(key) +
                  nullable_bytes(value) + varlong_bytes(static_cast<int64_t>(headers.size()));
  for (const Header& header : headers) {
    length += nullable_bytes(header.key) + nullable_bytes(header.value);
  }
  append_varlong(body_, static_cast<int64_t>(length));
  const size_t start = body_.size();
  body_.push_back(std::byte{0});
  append_varlong(body_, timestamp_delta);
  append_varlong(body_, count_);
  append_nullable(body_, key);
  append_nullable(body_, value);
  append_varlong(body_, static_cast<int64_t>(headers.size()));
  for (const Header& header : headers) {
    append_nullable(body_, header.key);
    append_nullable(body_, header.value);
  }
  CHECK_EQ(body_.size() - start, length);
  ++count_;
}

base::Result<std::vector<std::byte>> BatchBuilder::build() && {
  CHECK(count_ > 0);
  if (options_.compression != Compression::kNone) {
    body_ = TRY(compress(options_.compression, body_));
  }
  std::vector<std::byte> batch(kBatchHeaderBytes);
  batch.reserve(kBatchHeaderBytes + body_.size());
  batch.insert(batch.end(), body_.begin(), body_.end());

  const int attributes = static_cast<int>(options_.compression) |
                         (options_.transactional ? kTransactionalBit : 0) |
                         (options_.control ? kControlBit : 0);
  std::byte* const at = batch.data();
  store_big_endian(int64_t{0}, at + kBaseOffsetAt);
  store_big_endian(static_cast<int32_t>(batch.size() - kLengthEndsAt), at + kLengthAt);
  store_big_endian(int32_t{-1}, at + kLeaderEpochAt);
  store_big_endian(kMagic, at + kMagicAt);
  store_big_endian(static_cast<uint16_t>(attributes), at + kAttributesAt);
  store_big_endian(count_ - 1, at + kLastOffsetDeltaAt);
  store_big_endian(base_timestamp_, at + kBaseTimestampAt);
  store_big_endian(max_timestamp_, at + kMaxTimestampAt);
  store_big_endian(options_.producer_id, at + kProducerIdAt);
  store_big_endian(options_.producer_epoch, at + kProducerEpochAt);
  store_big_endian(options_.base_sequence, at + kBaseSequenceAt);
  store_big_endian(count_, at + kRecordCountAt);
  reseal(batch);
  return batch;
}

void reseal(base::MutableByteView batch) {
  store_big_endian(base::crc32c(ByteView(batch).subspan(kAttributesAt)), batch.data() + kCrcAt);
}

}  // namespace thalweg::records
