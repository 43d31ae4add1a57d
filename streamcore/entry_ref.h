// EntryRef: an entry as readers see it: its frame's fields, and its payload kept alive by the
// buffer it lies in.
#pragma once

#include "streamcore/base/bytes.h"
#include "streamcore/entry_format.h"

namespace thalweg {

struct EntryRef {
  EntryHeader header;
  base::Slice payload;

  // The entry with its frame, as it lies in a chunk or a segment.
  base::Slice frame() const {
    return {payload.owner,
            {payload.bytes.data() - kEntryHeaderBytes, framed_entry_bytes(header.length)}};
  }
};

}  // namespace thalweg
