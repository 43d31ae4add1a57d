// IncarnationId: one start of one process, never used again. Log entries are named by (incarnation,
// counter), and the state remembers of each incarnation the last counter and what became of it.
//
// It need not remember for ever, though an entry may arrive again at any time, late or from a
// process that stood still: an incarnation is drawn at a position of the log and must have its
// first entry in one of the next `slots` slots (kIncarnationSlots); in a later one an entry of an
// incarnation without a row counts for nothing. Its row goes, at the earliest, `slots` slots after
// its last entry, and so after the last slot in which it could get a new one.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "streamcore/metadata/log_position.h"

namespace thalweg::metadata {

// The same for all who read and write a log. As many entries as others may bring in while a process
// stands still with one in flight, before it does not learn what became of it.
inline constexpr uint64_t kIncarnationSlots = 10'000;

struct IncarnationId {
  uint64_t drawn_at = 0;  // position of the log; in entries of version 1 a random number
  uint64_t nonce = 0;
  friend auto operator<=>(const IncarnationId&, const IncarnationId&) = default;

  // Whether its first entry may be in this slot.
  bool may_begin_in(LogPosition slot, uint64_t slots) const {
    return slot.value <= drawn_at || slot.value - drawn_at <= slots;
  }
};

// The last entry of an incarnation that was applied; held[i] says whether its i-th transaction's
// conditions held.
struct IncarnationRow {
  uint64_t last_counter = 0;
  LogPosition last_slot;
  std::vector<bool> held;
  friend bool operator==(const IncarnationRow&, const IncarnationRow&) = default;

  // Whether it may be dropped by an entry in this slot.
  bool is_old(const IncarnationId& id, LogPosition slot, uint64_t slots) const {
    const bool idle = slot > last_slot && slot.value - last_slot.value > slots;
    return idle && !id.may_begin_in(slot, slots);
  }
};

}  // namespace thalweg::metadata
