// The metadata row of a segment object: its state, and how many stream ranges still
// refer to it.
//
//   u8   version (1)
//   u8   state: 1 PREPARED, 2 COMMITTED, 3 DELETING, 4 DESTROYED
//   u32  live ranges (COMMITTED only)
//   i64  since: wall-clock ms at which COMMITTED, DELETING or DESTROYED began; 0 when PREPARED
//   u32  CRC32C of everything before
//
// PREPARED before the upload, COMMITTED in the transaction that writes the rows naming it, DELETING
// when the last range went, DESTROYED when a sweeper took a PREPARED one away (the row stays: a
// late upload must not be mistaken for live). The last two lie under a key of their own, so that
// the collector reads no other.
#pragma once

#include <string>

#include "streamcore/base/clock.h"
#include "streamcore/base/result.h"

namespace thalweg::channel {

enum class ObjectState : uint8_t { kPrepared = 1, kCommitted = 2, kDeleting = 3, kDestroyed = 4 };

struct ObjectRow {
  ObjectState state = ObjectState::kPrepared;
  uint32_t live_ranges = 0;
  base::Timestamp since = 0;
  friend bool operator==(const ObjectRow&, const ObjectRow&) = default;
};

std::string encode_object_row(const ObjectRow& row);
base::Result<ObjectRow> decode_object_row(std::string_view bytes);

}  // namespace thalweg::channel
