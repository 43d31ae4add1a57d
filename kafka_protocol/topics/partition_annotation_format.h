// The state of a partition at the end of a range of its stream, as it is kept in the segment of
// that range.
//
//   0   u8   version = 1
//   1   u8[3] zero
//   4   i64  stream time: the largest batch timestamp so far, -1 = none
//   12  u32  producers
//   16  u32  leader epochs
//   20  producers, by rising id, each:
//         i64  producer id
//         i16  producer epoch
//         u8   batches, 0..5
//         u8   zero
//         i64  stream time after its last batch
//         i64  last offset it wrote
//         per batch, oldest first: i32 first sequence, i32 last sequence, i64 base offset,
//                                  i64 timestamp
//       leader epochs, rising: i32 epoch, i64 first offset
//       u32  bytes of transaction state (open and aborted transactions), opaque; empty in version 1
//       transaction state
//       u32  CRC32C of everything before
//
// All integers are little endian. An annotation is a pure function of the stream up to its end:
// whoever folds the same batches, in however many steps, gets the same bytes.
#pragma once

#include <span>
#include <string>

#include "kafka_protocol/topics/leader_epoch_table.h"
#include "kafka_protocol/topics/producer_state.h"
#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"

namespace thalweg::topics {

struct PartitionAnnotation {
  ProducerTable producers;
  LeaderEpochTable leader_epochs;
  std::string transactions;
  friend bool operator==(const PartitionAnnotation&, const PartitionAnnotation&) = default;
};

// Expired producers are left out.
std::string encode_annotation(PartitionAnnotation annotation);

// Empty bytes are the annotation of an empty stream. kCorrupt for damage, kUnsupported for an
// unknown version.
base::Result<PartitionAnnotation> decode_annotation(base::ByteView bytes);

// Takes in one batch that carries its assigned offset and leader epoch.
void apply_batch(PartitionAnnotation& annotation, const BatchFacts& batch);

// The annotation after `batches`, in offset order, following `previous` (empty at the start of the
// stream). kCorrupt if `previous` cannot be read.
base::Result<std::string> fold_annotation(base::ByteView previous,
                                          std::span<const DigestedEntry> batches);

}  // namespace thalweg::topics
