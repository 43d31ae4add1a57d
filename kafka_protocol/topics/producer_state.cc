#include "kafka_protocol/topics/producer_state.h"

#include <algorithm>

namespace thalweg::topics {

using records::BatchView;

namespace {

void remember(Producer& producer, const ProducerBatch& batch) {
  if (producer.batch_count == kBatchesPerProducer) {
    std::move(producer.batches.begin() + 1, producer.batches.end(), producer.batches.begin());
    --producer.batch_count;
  }
  producer.batches[producer.batch_count++] = batch;
}

}  // namespace

bool operator==(const Producer& a, const Producer& b) {
  return a.epoch == b.epoch && a.batch_count == b.batch_count && a.seen_at == b.seen_at &&
         a.last_offset == b.last_offset &&
         std::equal(a.batches.begin(), a.batches.begin() + a.batch_count, b.batches.begin());
}

Admission ProducerTable::check(const BatchView& batch) const {
  using Verdict = Admission::Verdict;
  if (!batch.has_producer()) return {};
  const Producer* producer = find(batch.producer_id());
  if (producer == nullptr) return {};
  if (batch.producer_epoch() < producer->epoch) return {.verdict = Verdict::kOldEpoch};
  const int32_t first = batch.base_sequence();
  if (batch.producer_epoch() > producer->epoch) {
    return {.verdict = first == 0 ? Verdict::kAppend : Verdict::kOutOfOrder};
  }
  for (uint8_t i = 0; i < producer->batch_count; ++i) {
    const ProducerBatch& known = producer->batches[i];
    if (known.first_sequence == first && known.last_sequence == batch.last_sequence()) {
      return {Verdict::kDuplicate, known.base_offset, known.timestamp};
    }
  }
  const ProducerBatch* last = producer->last_batch();
  const int32_t expected = last == nullptr ? 0 : records::sequence_after(last->last_sequence, 1);
  return {.verdict = first == expected ? Verdict::kAppend : Verdict::kOutOfOrder};
}

void ProducerTable::apply(const BatchFacts& batch) {
  stream_time_ = std::max(stream_time_, batch.max_timestamp);
  if (!batch.has_producer()) return;
  auto [at, fresh] = producers_.try_emplace(batch.producer_id);
  Producer& producer = at->second;
  // Forgetting it here, too, makes the result independent of when drop_expired() ran.
  if (fresh || expired(producer) || batch.producer_epoch > producer.epoch) {
    producer = Producer();
    producer.epoch = batch.producer_epoch;
  }
  // A transaction marker moves the epoch but is not part of the sequence.
  if (!batch.control() && batch.producer_epoch == producer.epoch) {
    remember(producer, {.first_sequence = batch.base_sequence,
                        .last_sequence = batch.last_sequence(),
                        .base_offset = batch.base_offset,
                        .timestamp = batch.max_timestamp});
  }
  producer.seen_at = stream_time_;
  producer.last_offset = batch.last_offset();
  if (fresh && producers_.size() > kProducersMax) make_room();
}

bool ProducerTable::silent(const Producer& producer) const {
  int64_t silence;
  if (__builtin_sub_overflow(stream_time_, producer.seen_at, &silence)) return true;
  return silence >= kProducerExpirationMs;
}

// That a forgotten producer was dropped from the table never brings back another: whoever was
// silent for longer had all of its followers, and was forgotten before.
bool ProducerTable::expired(const Producer& producer) const {
  if (producers_.size() <= kProducersKept || !silent(producer)) return false;
  const auto followers = std::count_if(
      producers_.begin(), producers_.end(),
      [&](const auto& entry) { return entry.second.last_offset > producer.last_offset; });
  return static_cast<size_t>(followers) >= kProducersKept;
}

void ProducerTable::drop_expired() {
  if (producers_.size() <= kProducersKept) return;
  // The last offset of the one that has kProducersKept - 1 followers.
  const int64_t kept_from = last_offset_of_rank(producers_.size() - kProducersKept);
  std::erase_if(producers_, [&](const auto& entry) {
    return entry.second.last_offset < kept_from && silent(entry.second);
  });
}

int64_t ProducerTable::last_offset_of_rank(size_t rank) const {
  std::vector<int64_t> last_offsets;
  last_offsets.reserve(producers_.size());
  for (const auto& [id, producer] : producers_) last_offsets.push_back(producer.last_offset);
  const auto at = last_offsets.begin() + static_cast<ptrdiff_t>(rank);
  std::nth_element(last_offsets.begin(), at, last_offsets.end());
  return *at;
}

void ProducerTable::make_room() {
  drop_expired();
  if (producers_.size() <= kProducersMax) return;
  const int64_t cut = last_offset_of_rank(kProducersMax / 8);
  std::erase_if(producers_, [&](const auto& entry) { return entry.second.last_offset < cut; });
}

const Producer* ProducerTable::find(int64_t producer_id) const {
  const auto at = producers_.find(producer_id);
  return at == producers_.end() || expired(at->second) ? nullptr : &at->second;
}

std::vector<std::pair<int64_t, Producer>> ProducerTable::sorted() const {
  std::vector<std::pair<int64_t, Producer>> all(producers_.begin(), producers_.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

void ProducerTable::restore(int64_t producer_id, const Producer& producer) {
  producers_.insert_or_assign(producer_id, producer);
}

}  // namespace thalweg::topics
