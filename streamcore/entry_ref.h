// EntryRef: an entry as readers see it: its frame's fields, and its payload kept alive by the buffer it lies in.
#pragma once

#include "streamcore/base/bytes.h"
#include "streamcore/entry_format.h"

namespace thalweg {

struct EntryRef {
  EntryHeader header;
  base::Slice payload;
};

}  // namespace thalweg
