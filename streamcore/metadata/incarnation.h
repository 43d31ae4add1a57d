// IncarnationId: one start of one process, drawn at random and never used again. Log entries are
// named by (incarnation, counter), and the state remembers of each incarnation the last counter and
// what became of it.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace thalweg::metadata {

struct IncarnationId {
  uint64_t high = 0;
  uint64_t low = 0;
  friend auto operator<=>(const IncarnationId&, const IncarnationId&) = default;
};

// The last entry of an incarnation that was applied; held[i] says whether its i-th transaction's
// conditions held.
struct IncarnationRow {
  uint64_t last_counter = 0;
  std::vector<bool> held;
  friend bool operator==(const IncarnationRow&, const IncarnationRow&) = default;
};

}  // namespace thalweg::metadata
