// BatchRules: what the log engine asks about its payloads, answered for RecordBatch v2: offset and
// leader epoch are stamped into the header (both lie outside the batch's CRC), and the annotation
// is the partition's state.
#pragma once

#include "streamcore/entry_rules.h"

namespace thalweg::topics {

class BatchRules final : public EntryRules {
 public:
  void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const override;
  EntryDigest digest(base::ByteView payload) const override;
  std::string fold(base::ByteView previous, std::span<const DigestedEntry> entries) const override;
};

}  // namespace thalweg::topics
