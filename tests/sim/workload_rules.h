// WorkloadRules: what the simulator's payloads and annotations look like, so that both say all
// about where they belong.
//
// A payload:
//   0   u64  offset it was stamped with
//   8   i32  leader epoch it was stamped with
//   12  u32  zero
//   16  u64  stream
//   24  u64  operation id, unique within a run
//   32  bytes that follow from the operation id
//
// A digest: the operation id, then the CRC32C of what follows the stamped fields and the length,
// u32 each.
//
// An annotation: the operation id of every entry from the stream's first on, u64 each, then a u64
// hash of all their headers and digests in order.
#pragma once

#include <string>
#include <vector>

#include "streamcore/entry_rules.h"

namespace thalweg::sim {

inline constexpr size_t kPayloadHeaderBytes = 32;
inline constexpr size_t kStampedBytes = 16;

std::string make_payload(StreamId stream, uint64_t operation, size_t size);
// The operation id of a payload; nothing if it is too short to be one.
uint64_t operation_of(base::ByteView payload);
// The stream a payload was made for.
uint64_t stream_of_payload(base::ByteView payload);
EntryDigest digest_of(base::ByteView payload);
uint64_t operation_of(const EntryDigest& digest);
// What an entry does to the hash of an annotation.
uint64_t chain_hash(uint64_t hash, const DigestedEntry& entry);

struct Annotation {
  std::vector<uint64_t> operations;
  uint64_t hash = 0;
};
Annotation parse_annotation(base::ByteView bytes);

class WorkloadRules : public EntryRules {
 public:
  void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const override;
  EntryDigest digest(base::ByteView payload) const override { return digest_of(payload); }
  std::string fold(base::ByteView previous, std::span<const DigestedEntry> entries) const override;
};

}  // namespace thalweg::sim
