// What a partition's state takes from a batch, and how it lies in an entry's digest, so that the
// state is rebuilt without reading batches.
//
//   0   i64  producer id
//   8   i32  base sequence
//   12  i16  producer epoch
//   14  u16  attributes
//
// All integers are little endian; the chunk's index, which holds the digest, is under a CRC.
// Offsets, timestamp and leader epoch are the entry header's.
#pragma once

#include "kafka_protocol/records/batch_view.h"
#include "streamcore/entry_digest.h"

namespace thalweg::topics {

struct BatchFacts {
  BatchFacts(const records::BatchView& batch);  // NOLINT: a batch is its facts and more
  explicit BatchFacts(const DigestedEntry& entry);

  bool has_producer() const { return producer_id >= 0; }
  bool control() const { return (attributes & records::kControlBit) != 0; }
  int64_t last_offset() const { return base_offset + count - 1; }
  // Sequences wrap from 2^31 - 1 to 0.
  int32_t last_sequence() const { return records::sequence_after(base_sequence, count - 1); }

  int64_t base_offset;
  int32_t count;  // offsets it spans
  int32_t leader_epoch;
  base::Timestamp max_timestamp;
  int64_t producer_id;
  int32_t base_sequence;
  int16_t producer_epoch;
  uint16_t attributes;
};

EntryDigest batch_digest(const records::BatchView& batch);

}  // namespace thalweg::topics
