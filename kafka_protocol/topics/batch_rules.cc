#include "kafka_protocol/topics/batch_rules.h"

#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/topics/partition_annotation_format.h"
#include "streamcore/base/check.h"

namespace thalweg::topics {

void BatchRules::stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const {
  records::stamp(payload, static_cast<int64_t>(base.value), epoch.value);
}

EntryDigest BatchRules::digest(base::ByteView payload) const {
  return batch_digest(*records::BatchView::parse(payload));  // only whole batches are appended
}

std::string BatchRules::fold(base::ByteView previous,
                             std::span<const DigestedEntry> entries) const {
  auto folded = fold_annotation(previous, entries);
  // The log checked both against their CRCs.
  CHECK_MSG(folded.has_value(), folded.has_value() ? "" : folded.error().message);
  return std::move(*folded);
}

}  // namespace thalweg::topics
