#include "kafka_protocol/topics/batch_rules.h"

#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/topics/partition_annotation_format.h"
#include "streamcore/base/check.h"

namespace thalweg::topics {

void BatchRules::stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const {
  records::stamp(payload, static_cast<int64_t>(base.value), epoch.value);
}

std::string BatchRules::fold(base::ByteView previous,
                             std::span<const base::ByteView> payloads) const {
  auto folded = fold_annotation(previous, payloads);
  // The log checked both against their CRCs, and only whole batches are ever appended.
  CHECK_MSG(folded.has_value(), folded.has_value() ? "" : folded.error().message);
  return std::move(*folded);
}

}  // namespace thalweg::topics
