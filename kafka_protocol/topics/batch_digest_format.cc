#include "kafka_protocol/topics/batch_digest_format.h"

#include <bit>

namespace thalweg::topics {

namespace {
struct Layout {
  int64_t producer_id;
  int32_t base_sequence;
  int16_t producer_epoch;
  uint16_t attributes;
};
static_assert(sizeof(Layout) == kEntryDigestBytes);
}  // namespace

BatchFacts::BatchFacts(const records::BatchView& batch)
    : base_offset(batch.base_offset()),
      count(batch.last_offset_delta() + 1),
      leader_epoch(batch.leader_epoch()),
      max_timestamp(batch.max_timestamp()),
      producer_id(batch.producer_id()),
      base_sequence(batch.base_sequence()),
      producer_epoch(batch.producer_epoch()),
      attributes(batch.attributes()) {}

BatchFacts::BatchFacts(const DigestedEntry& entry)
    : base_offset(static_cast<int64_t>(entry.header.base.value)),
      count(static_cast<int32_t>(entry.header.count)),
      leader_epoch(entry.header.leader_epoch.value),
      max_timestamp(entry.header.max_timestamp) {
  const auto digest = std::bit_cast<Layout>(entry.digest);
  producer_id = digest.producer_id;
  base_sequence = digest.base_sequence;
  producer_epoch = digest.producer_epoch;
  attributes = digest.attributes;
}

EntryDigest batch_digest(const records::BatchView& batch) {
  return std::bit_cast<EntryDigest>(Layout{.producer_id = batch.producer_id(),
                                           .base_sequence = batch.base_sequence(),
                                           .producer_epoch = batch.producer_epoch(),
                                           .attributes = batch.attributes()});
}

}  // namespace thalweg::topics
