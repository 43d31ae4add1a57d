#include "kafka_protocol/topics/partition_annotation_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::topics {

using base::ErrorCode;
using base::Result;

namespace {

constexpr uint8_t kVersion = 1;

std::unexpected<base::Error> corrupt(const char* what) {
  return base::fail(ErrorCode::kCorrupt, std::string("partition annotation: ") + what);
}

void put_producer(base::ByteWriter& out, int64_t id, const Producer& producer) {
  out.put(id).put(producer.epoch).put(producer.batch_count).put(uint8_t{0});
  out.put(producer.seen_at).put(producer.last_offset);
  for (uint8_t i = 0; i < producer.batch_count; ++i) {
    const ProducerBatch& batch = producer.batches[i];
    out.put(batch.first_sequence).put(batch.last_sequence);
    out.put(batch.base_offset).put(batch.timestamp);
  }
}

// False if the row cannot be one that put_producer wrote.
bool get_producer(base::ByteReader& in, int64_t& id, Producer& producer) {
  id = in.get<int64_t>();
  producer.epoch = in.get<int16_t>();
  producer.batch_count = in.get<uint8_t>();
  const auto zero = in.get<uint8_t>();
  producer.seen_at = in.get<int64_t>();
  producer.last_offset = in.get<int64_t>();
  if (!in.ok() || zero != 0 || producer.batch_count > kBatchesPerProducer) return false;
  for (uint8_t i = 0; i < producer.batch_count; ++i) {
    ProducerBatch& batch = producer.batches[i];
    batch.first_sequence = in.get<int32_t>();
    batch.last_sequence = in.get<int32_t>();
    batch.base_offset = in.get<int64_t>();
    batch.timestamp = in.get<int64_t>();
  }
  return in.ok();
}

base::Status get_producers(base::ByteReader& in, uint32_t count, ProducerTable& out) {
  int64_t previous = -1;
  for (uint32_t i = 0; i < count; ++i) {
    int64_t id;
    Producer producer;
    if (!get_producer(in, id, producer) || id <= previous) return corrupt("producer row");
    out.restore(id, producer);
    previous = id;
  }
  return {};
}

base::Status get_leader_epochs(base::ByteReader& in, uint32_t count, LeaderEpochTable& out) {
  for (uint32_t i = 0; i < count; ++i) {
    const auto epoch = in.get<int32_t>();
    const auto offset = in.get<int64_t>();
    if (!in.ok()) return corrupt("leader epoch row");
    out.observe(epoch, offset);
    if (out.starts().size() != i + 1) return corrupt("leader epochs out of order");
  }
  return {};
}

}  // namespace

std::string encode_annotation(PartitionAnnotation annotation) {
  annotation.producers.drop_expired();
  const auto producers = annotation.producers.sorted();
  const auto& epochs = annotation.leader_epochs.starts();
  base::ByteWriter out;
  out.put(kVersion).put(uint8_t{0}).put(uint16_t{0}).put(annotation.producers.stream_time());
  out.put(static_cast<uint32_t>(producers.size())).put(static_cast<uint32_t>(epochs.size()));
  for (const auto& [id, producer] : producers) put_producer(out, id, producer);
  for (const auto& start : epochs) out.put(start.epoch).put(start.offset);
  out.put_bytes(annotation.transactions);
  return std::move(out).seal();
}

Result<PartitionAnnotation> decode_annotation(base::ByteView bytes) {
  PartitionAnnotation annotation;
  if (bytes.empty()) return annotation;
  base::ByteReader in(TRY(base::open_sealed(base::as_chars(bytes), "partition annotation")));
  const auto version = in.get<uint8_t>();
  if (version != kVersion) {
    return base::fail(ErrorCode::kUnsupported,
                      "partition annotation: version " + std::to_string(version));
  }
  if (in.get<uint8_t>() != 0 || in.get<uint16_t>() != 0) return corrupt("padding");
  annotation.producers.restore_stream_time(in.get<int64_t>());
  const auto producers = in.get<uint32_t>();
  const auto epochs = in.get<uint32_t>();
  if (producers > kProducersMax || epochs > kLeaderEpochsMax) return corrupt("counts");
  TRY(get_producers(in, producers, annotation.producers));
  TRY(get_leader_epochs(in, epochs, annotation.leader_epochs));
  annotation.transactions = in.get_bytes();
  if (!in.at_end()) return corrupt("length");
  return annotation;
}

void apply_batch(PartitionAnnotation& annotation, const BatchFacts& batch) {
  annotation.leader_epochs.observe(batch.leader_epoch, batch.base_offset);
  annotation.producers.apply(batch);
}

Result<std::string> fold_annotation(base::ByteView previous,
                                    std::span<const DigestedEntry> batches) {
  PartitionAnnotation annotation = TRY(decode_annotation(previous));
  for (const DigestedEntry& batch : batches) apply_batch(annotation, BatchFacts(batch));
  return encode_annotation(std::move(annotation));
}

}  // namespace thalweg::topics
