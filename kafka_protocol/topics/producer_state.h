// ProducerTable: what a partition knows about its idempotent producers, so that a retried batch is
// stored once and a lost one is noticed (KIP-98; ProducerAppendInfo and ProducerStateEntry in
// Kafka).
//
// Owned by the partition, on its core. A pure function of the batches applied, in offset order, and
// of nothing else: no clock enters. "Now" is the stream's own time, the largest batch timestamp so
// far. It may leap by years from one batch to the next, when producers of old and of new records
// meet, so age alone says nothing: a producer is forgotten once kProducerExpirationMs of stream
// time passed since its last batch, however old that batch's own timestamps are, and kProducersKept
// others wrote after it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/topics/batch_digest_format.h"
#include "streamcore/base/clock.h"

namespace thalweg::topics {

inline constexpr int64_t kProducerExpirationMs = 86400000;  // Kafka's producer.id.expiration.ms
// The producers of a partition that wrote last are remembered whatever time it is.
inline constexpr size_t kProducersKept = 1000;
// max.in.flight.requests of an idempotent producer
inline constexpr size_t kBatchesPerProducer = 5;
// Producers remembered per partition; past it the eighth that was silent longest is forgotten.
inline constexpr size_t kProducersMax = 65536;

struct ProducerBatch {
  int32_t first_sequence = 0;
  int32_t last_sequence = 0;
  int64_t base_offset = 0;
  base::Timestamp timestamp = -1;  // the batch's max timestamp
  friend bool operator==(const ProducerBatch&, const ProducerBatch&) = default;
};

struct Producer {
  int16_t epoch = 0;
  uint8_t batch_count = 0;
  base::Timestamp seen_at = -1;  // stream time after its last batch
  int64_t last_offset = -1;
  std::array<ProducerBatch, kBatchesPerProducer> batches;  // of this epoch, oldest first

  const ProducerBatch* last_batch() const {
    return batch_count == 0 ? nullptr : &batches[batch_count - 1u];
  }
  friend bool operator==(const Producer&, const Producer&);
};

struct Admission {
  enum class Verdict {
    kAppend,
    kDuplicate,   // answer success with base_offset and timestamp, once that offset is durable
    kOutOfOrder,  // OUT_OF_ORDER_SEQUENCE_NUMBER, once the last batch of the producer is durable
    kOldEpoch,    // INVALID_PRODUCER_EPOCH
  };
  Verdict verdict = Verdict::kAppend;
  int64_t base_offset = -1;
  base::Timestamp timestamp = -1;
};

class ProducerTable {
 public:
  // May this batch be appended next? Batches without a producer id always may. An exact repeat of
  // one of the last five batches is recognised before sequences are compared; an unknown producer
  // may start anywhere.
  Admission check(const records::BatchView& batch) const;

  // Takes in a batch that was given its offset. Never refuses: the stream is the truth.
  void apply(const BatchFacts& batch);

  // Frees what no answer depends on any more: producers that are forgotten.
  void drop_expired();

  size_t size() const { return producers_.size(); }
  base::Timestamp stream_time() const { return stream_time_; }
  // nullptr if the producer is unknown or expired.
  const Producer* find(int64_t producer_id) const;
  // Every producer, ordered by id.
  std::vector<std::pair<int64_t, Producer>> sorted() const;
  // Puts back what sorted() and stream_time() gave; for the annotation.
  void restore(int64_t producer_id, const Producer& producer);
  void restore_stream_time(base::Timestamp time) { stream_time_ = time; }

  friend bool operator==(const ProducerTable&, const ProducerTable&) = default;

 private:
  bool expired(const Producer& producer) const;
  bool silent(const Producer& producer) const;
  void make_room();
  // Of the producers by their last offset, that of the one with `rank` others below it.
  int64_t last_offset_of_rank(size_t rank) const;

  base::Timestamp stream_time_ = -1;
  std::unordered_map<int64_t, Producer> producers_;
};

}  // namespace thalweg::topics
