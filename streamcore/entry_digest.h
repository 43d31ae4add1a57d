// EntryDigest: what the layer above must know of an entry to fold it into a stream's annotation,
// without its payload. The log engine keeps it beside the entry's header in the chunk's index, so
// that a restart reads indexes and never payloads; the content is opaque here.
#pragma once

#include <array>
#include <cstddef>

#include "streamcore/entry_format.h"

namespace thalweg {

inline constexpr size_t kEntryDigestBytes = 16;

using EntryDigest = std::array<std::byte, kEntryDigestBytes>;

struct DigestedEntry {
  EntryHeader header{};
  EntryDigest digest{};
};

}  // namespace thalweg
