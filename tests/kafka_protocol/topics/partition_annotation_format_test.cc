#include "kafka_protocol/topics/partition_annotation_format.h"

#include <gtest/gtest.h>

#include "streamcore/base/random.h"
#include "tests/kafka_protocol/topics/stream_batches.h"

namespace thalweg::topics {
namespace {

// Three producers that come and go, leader epochs that rise, one day passing in between.
std::vector<StreamBatch> stream() {
  base::SeededRandom random(3);
  std::vector<StreamBatch> batches;
  int32_t sequences[3] = {};
  int64_t offset = 0;
  for (int i = 0; i < 60; ++i) {
    const auto who = random.below(4);
    BatchSpec spec{.count = 1 + static_cast<int>(random.below(3)),
                   .offset = offset,
                   .timestamp = i * (kProducerExpirationMs / 12),
                   .leader_epoch = i / 10};
    if (who < 3) {
      spec.producer_id = static_cast<int64_t>(who);
      spec.sequence = sequences[who];
      sequences[who] += spec.count;
    }
    offset += spec.count;
    batches.emplace_back(spec);
  }
  return batches;
}

std::vector<DigestedEntry> entries(const std::vector<StreamBatch>& batches) {
  std::vector<DigestedEntry> all;
  for (const auto& batch : batches) all.push_back(batch.entry());
  return all;
}

TEST(PartitionAnnotation, RoundTrips) {
  const auto batches = stream();
  PartitionAnnotation annotation;
  for (const auto& batch : batches) apply_batch(annotation, batch.view());
  annotation.producers.drop_expired();
  annotation.transactions = "reserved";
  ASSERT_GT(annotation.producers.size(), 0u);
  ASSERT_EQ(annotation.leader_epochs.starts().size(), 6u);
  auto decoded = decode_annotation(base::as_bytes(encode_annotation(annotation)));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(*decoded, annotation);
}

TEST(PartitionAnnotation, EmptyBytesAreAnEmptyStream) {
  auto decoded = decode_annotation({});
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, PartitionAnnotation{});
}

TEST(PartitionAnnotation, EveryTruncationIsCorrupt) {
  const auto batches = stream();
  const std::string bytes = *fold_annotation({}, entries(batches));
  for (size_t n = 1; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode_annotation(base::as_bytes(bytes).first(n)).has_value()) << n;
  }
}

TEST(PartitionAnnotation, EverySingleBitFlipIsDetected) {
  const auto batches = stream();
  const std::string bytes = *fold_annotation({}, entries(batches));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_annotation(base::as_bytes(bad)).has_value()) << bit;
  }
}

TEST(PartitionAnnotation, FoldingInAnyStepsGivesTheSameBytes) {
  const auto batches = stream();
  const auto all = entries(batches);
  const std::string whole = *fold_annotation({}, all);
  for (size_t step : {1, 2, 7, 59}) {
    std::string folded;
    for (size_t at = 0; at < all.size(); at += step) {
      const auto part = std::span(all).subspan(at, std::min(step, all.size() - at));
      folded = *fold_annotation(base::as_bytes(folded), part);
    }
    EXPECT_EQ(folded, whole) << step;
  }
}

// More producers than are kept whatever the time, over so many days that some are forgotten.
TEST(PartitionAnnotation, FoldingInAnyStepsForgetsTheSameProducers) {
  constexpr int kBatches = 3 * static_cast<int>(kProducersKept);
  base::SeededRandom random(5);
  std::vector<StreamBatch> batches;
  for (int i = 0; i < kBatches; ++i) {
    const auto who = static_cast<int64_t>(random.below(2 * kProducersKept));
    batches.emplace_back(BatchSpec{.producer_id = who,
                                   .sequence = i,
                                   .offset = i,
                                   .timestamp = i * (10 * kProducerExpirationMs / kBatches)});
  }
  const auto all = entries(batches);
  const std::string whole = *fold_annotation({}, all);
  EXPECT_EQ(decode_annotation(base::as_bytes(whole))->producers.size(), kProducersKept);
  for (size_t step : {7, 101, 1999}) {
    std::string folded;
    for (size_t at = 0; at < all.size(); at += step) {
      const auto part = std::span(all).subspan(at, std::min(step, all.size() - at));
      folded = *fold_annotation(base::as_bytes(folded), part);
    }
    EXPECT_EQ(folded, whole) << step;
  }
}

TEST(PartitionAnnotation, FoldAnswersAsTheLiveTableDoes) {
  const auto batches = stream();
  PartitionAnnotation live;
  for (const auto& batch : batches) apply_batch(live, batch.view());
  const auto folded = *decode_annotation(base::as_bytes(*fold_annotation({}, entries(batches))));
  for (const auto& batch : batches) {
    EXPECT_EQ(folded.producers.check(batch.view()).verdict,
              live.producers.check(batch.view()).verdict);
  }
}

TEST(PartitionAnnotation, ADigestTellsWhatTheBatchDoes) {
  for (const auto& batch : stream()) {
    PartitionAnnotation from_batch, from_digest;
    apply_batch(from_batch, batch.view());
    apply_batch(from_digest, BatchFacts(batch.entry()));
    EXPECT_EQ(from_batch, from_digest);
  }
}

}  // namespace
}  // namespace thalweg::topics
