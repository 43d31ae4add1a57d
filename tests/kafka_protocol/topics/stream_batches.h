// Batches with assigned offsets, for tests of partition state.
#pragma once

#include <string>
#include <vector>

#include "kafka_protocol/records/batch_builder.h"
#include "kafka_protocol/records/batch_format.h"
#include "kafka_protocol/topics/batch_digest_format.h"
#include "streamcore/base/check.h"

namespace thalweg::topics {

struct BatchSpec {
  int64_t producer_id = records::kNoProducerId;
  int16_t epoch = 0;
  int32_t sequence = 0;
  int count = 1;
  int64_t offset = 0;
  base::Timestamp timestamp = 1000;
  int32_t leader_epoch = 0;
  bool control = false;
};

class StreamBatch {
 public:
  explicit StreamBatch(const BatchSpec& spec) {
    records::BatchBuilder builder({.producer_id = spec.producer_id,
                                   .producer_epoch = spec.epoch,
                                   .base_sequence = spec.sequence,
                                   .control = spec.control});
    for (int i = 0; i < spec.count; ++i) {
      builder.add(spec.timestamp, base::as_bytes("k"), base::as_bytes("v"));
    }
    auto built = std::move(builder).build();
    CHECK(built.has_value());
    bytes_ = *std::move(built);
    records::stamp(bytes_.data(), spec.offset, spec.leader_epoch);
  }
  base::ByteView bytes() const { return bytes_; }
  records::BatchView view() const { return *records::BatchView::parse(bytes_); }
  // As the log knows it.
  DigestedEntry entry() const {
    const records::BatchView batch = view();
    return {.header = {.base = Offset(static_cast<uint64_t>(batch.base_offset())),
                       .max_timestamp = batch.max_timestamp(),
                       .count = static_cast<uint32_t>(batch.last_offset_delta() + 1),
                       .length = static_cast<uint32_t>(bytes_.size()),
                       .leader_epoch = LeaderEpoch(batch.leader_epoch())},
            .digest = batch_digest(batch)};
  }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace thalweg::topics
