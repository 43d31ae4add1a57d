// The metadata row of a store's life that is over (P8): what that incarnation said counts no
// more, and another has its place among the replicas of the log. Written by the operator's command
// alone, and kept for ever; an incarnation without such a row is OK.
//
//   u8   version (1)
//   u64  successor: the incarnation that has its place
//   u32  CRC32C of everything before
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamcore/base/result.h"

namespace thalweg::channel {

struct LostReplicaRow {
  uint64_t successor = 0;
  friend bool operator==(const LostReplicaRow&, const LostReplicaRow&) = default;
};

std::string encode_lost_replica_row(const LostReplicaRow& row);
base::Result<LostReplicaRow> decode_lost_replica_row(std::string_view bytes);

}  // namespace thalweg::channel
