// BatchBuilder: one RecordBatch v2 from records, as a client would send it (base offset 0, leader
// epoch -1), CRC included. The coordinators write their streams with it; offsets are stamped when
// the batch is appended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/records/record_iterator.h"
#include "streamcore/base/result.h"

namespace thalweg::records {

struct BatchOptions {
  Compression compression = Compression::kNone;
  int64_t producer_id = kNoProducerId;
  int16_t producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
};

class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options = {}) : options_(options) {}

  // Copies the record. nullopt is a null key or value.
  void add(Timestamp timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
           std::span<const Header> headers = {});

  int32_t count() const { return count_; }
  // Bytes of the batch before compression.
  size_t size_bytes() const { return kBatchHeaderBytes + body_.size(); }

  // The batch; at least one record was added. Errors as compress().
  base::Result<std::vector<std::byte>> build() &&;

 private:
  BatchOptions options_;
  int32_t count_ = 0;
  Timestamp base_timestamp_ = -1;
  Timestamp max_timestamp_ = -1;
  std::vector<std::byte> body_;
};

// Brings the CRC of a whole batch up to date after its header or records were changed.
void reseal(base::MutableByteView batch);

}  // namespace thalweg::records
