#include "kafka_protocol/topics/producer_state.h"

#include <gtest/gtest.h>

#include "tests/kafka_protocol/topics/stream_batches.h"

namespace thalweg::topics {
namespace {

using Verdict = Admission::Verdict;

class Producers {
 public:
  Verdict verdict(const BatchSpec& spec) const { return check(spec).verdict; }
  Admission check(const BatchSpec& spec) const { return table.check(StreamBatch(spec).view()); }
  void apply(const BatchSpec& spec) { table.apply(StreamBatch(spec).view()); }
  // Six batches of one record by producer 7, sequences 0..5 at offsets 100..105.
  void apply_six() {
    for (int i = 0; i < 6; ++i) {
      apply({.producer_id = 7, .sequence = i, .offset = 100 + i, .timestamp = 1000 + i});
    }
  }
  ProducerTable table;
};

TEST(ProducerState, BatchesWithoutAProducerAlwaysPass) {
  Producers p;
  p.apply({.offset = 0});
  EXPECT_EQ(p.verdict({.offset = 1}), Verdict::kAppend);
  EXPECT_EQ(p.table.size(), 0u);
}

TEST(ProducerState, AnUnknownProducerMayStartAnywhere) {  // B22
  Producers p;
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 4, .sequence = 123}), Verdict::kAppend);
  p.apply({.producer_id = 7, .epoch = 4, .sequence = 123});
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 4, .sequence = 124}), Verdict::kAppend);
}

TEST(ProducerState, TheNextSequenceMustFollow) {  // B22
  Producers p;
  p.apply_six();
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 6}), Verdict::kAppend);
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 7}), Verdict::kOutOfOrder);
  EXPECT_EQ(p.verdict({.producer_id = 8, .sequence = 7}), Verdict::kAppend);
}

TEST(ProducerState, EachOfTheLastFiveBatchesIsRecognisedAsADuplicate) {  // B22
  Producers p;
  p.apply_six();
  for (int i = 1; i < 6; ++i) {
    const Admission a = p.check({.producer_id = 7, .sequence = i});
    EXPECT_EQ(a.verdict, Verdict::kDuplicate) << i;
    EXPECT_EQ(a.base_offset, 100 + i);
    EXPECT_EQ(a.timestamp, 1000 + i);
  }
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 0}), Verdict::kOutOfOrder);
}

TEST(ProducerState, APartialRepeatIsNotADuplicate) {  // B22
  Producers p;
  p.apply({.producer_id = 7, .sequence = 0, .count = 3});
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 0, .count = 3}), Verdict::kDuplicate);
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 0, .count = 2}), Verdict::kOutOfOrder);
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 1, .count = 2}), Verdict::kOutOfOrder);
}

TEST(ProducerState, SequencesWrapToZero) {  // B22
  Producers p;
  p.apply({.producer_id = 7, .sequence = 0x7ffffffe, .count = 2, .offset = 5});
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 0}), Verdict::kAppend);
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 1}), Verdict::kOutOfOrder);
  p.apply({.producer_id = 7, .sequence = 0, .offset = 7});
  Producers across;
  across.apply({.producer_id = 7, .sequence = 0x7fffffff, .count = 3, .offset = 5});
  EXPECT_EQ(across.verdict({.producer_id = 7, .sequence = 0x7fffffff, .count = 3}),
            Verdict::kDuplicate);
  EXPECT_EQ(across.verdict({.producer_id = 7, .sequence = 2}), Verdict::kAppend);
}

TEST(ProducerState, AnOlderEpochIsFencedEvenWhenItRepeats) {  // B22
  Producers p;
  p.apply({.producer_id = 7, .epoch = 1, .sequence = 0});
  p.apply({.producer_id = 7, .epoch = 2, .sequence = 0, .offset = 1});
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 0}), Verdict::kOldEpoch);
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 1}), Verdict::kOldEpoch);
}

TEST(ProducerState, ANewEpochStartsAtZero) {  // B22
  Producers p;
  p.apply_six();
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 6}), Verdict::kOutOfOrder);
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 0}), Verdict::kAppend);
  p.apply({.producer_id = 7, .epoch = 1, .sequence = 0, .offset = 106});
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 5}), Verdict::kOutOfOrder);
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 1}), Verdict::kAppend);
}

TEST(ProducerState, AMarkerMovesTheEpochWithoutASequence) {
  Producers p;
  p.apply_six();
  p.apply({.producer_id = 7, .epoch = 1, .sequence = -1, .offset = 106, .control = true});
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 0, .sequence = 6}), Verdict::kOldEpoch);
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 1}), Verdict::kOutOfOrder);
  EXPECT_EQ(p.verdict({.producer_id = 7, .epoch = 1, .sequence = 0}), Verdict::kAppend);
}

TEST(ProducerState, AMarkerOfTheSameEpochKeepsTheSequence) {
  Producers p;
  p.apply_six();
  p.apply({.producer_id = 7, .epoch = 0, .sequence = -1, .offset = 106, .control = true});
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 6}), Verdict::kAppend);
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 5}), Verdict::kDuplicate);
}

TEST(ProducerState, AProducerSilentForADayOfStreamTimeIsForgottenAfterManyOthers) {  // B22
  Producers p;
  p.apply({.producer_id = 7, .sequence = 0, .timestamp = 1000});
  p.apply({.producer_id = 8, .sequence = 0, .offset = 1, .timestamp = 1000});
  for (int i = 1; i < static_cast<int>(kProducersKept); ++i) {
    p.apply({.producer_id = 100 + i, .offset = 1 + i, .timestamp = 1000});
  }
  p.apply({.offset = 5000, .timestamp = 1000 + kProducerExpirationMs - 1});
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 9}), Verdict::kOutOfOrder);
  p.apply({.offset = 5001, .timestamp = 1000 + kProducerExpirationMs});
  const Producers dropped = [&] {
    Producers copy = p;
    copy.table.drop_expired();
    return copy;
  }();
  EXPECT_EQ(dropped.table.size(), kProducersKept);
  for (const Producers& either : {p, dropped}) {
    EXPECT_EQ(either.verdict({.producer_id = 7, .sequence = 9}), Verdict::kAppend);
    EXPECT_EQ(either.verdict({.producer_id = 8, .sequence = 9}), Verdict::kOutOfOrder);
  }
}

TEST(ProducerState, ALeapOfStreamTimeForgetsNoProducerThatIsAtWork) {  // B22
  Producers p;
  p.apply({.producer_id = 7, .sequence = 0, .offset = 40, .timestamp = -1});
  for (int i = 0; i < 10; ++i) {
    p.apply({.producer_id = 8,
             .sequence = i,
             .offset = 41 + i,
             .timestamp = (i + 1) * 365 * kProducerExpirationMs});
  }
  const Admission again = p.check({.producer_id = 7, .sequence = 0});
  EXPECT_EQ(again.verdict, Verdict::kDuplicate);
  EXPECT_EQ(again.base_offset, 40);
}

TEST(ProducerState, AProducerOfOldRecordsIsRememberedWhileItIsActive) {
  Producers p;
  p.apply({.offset = 0, .timestamp = 100 * kProducerExpirationMs});
  p.apply({.producer_id = 7, .sequence = 0, .offset = 1, .timestamp = 5});
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 0}), Verdict::kDuplicate);
  EXPECT_EQ(p.verdict({.producer_id = 7, .sequence = 3}), Verdict::kOutOfOrder);
}

TEST(ProducerState, PastTheLimitTheLongestSilentAreForgotten) {
  Producers p;
  StreamBatch batch({.producer_id = 1});
  std::vector<std::byte> bytes(batch.bytes().begin(), batch.bytes().end());
  for (int64_t i = 0; i <= static_cast<int64_t>(kProducersMax); ++i) {
    records::store_big_endian(i, bytes.data() + records::kProducerIdAt);
    records::stamp(bytes.data(), i, 0);
    p.table.apply(*records::BatchView::parse(bytes));
  }
  EXPECT_EQ(p.table.size(), kProducersMax - kProducersMax / 8 + 1);
  EXPECT_EQ(p.table.find(0), nullptr);
  EXPECT_NE(p.table.find(kProducersMax), nullptr);
}

}  // namespace
}  // namespace thalweg::topics
