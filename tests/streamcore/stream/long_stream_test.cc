// Streams of very many segments.
#include "streamcore/channel/object_row_format.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/channel/stream_row_format.h"
#include "streamcore/segment/segment_row_format.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

// A stream as it is after years: `count` segments of one offset each, without their objects.
class LongStream : public StreamStoreTest {
 protected:
  void give_segments(StreamId stream, uint64_t count) {
    metadata::Transaction transaction;
    channel::StreamRow row{.committed_end = Offset(count),
                           .trim_point = Offset(0),
                           .annotation = {},
                           .link = {.channel = options_.channel,
                                    .first_epoch = ChannelEpoch(1),
                                    .start = Offset(0),
                                    .leader_epoch_at_start = LeaderEpoch(1)},
                           .packed_ranges = 0,
                           .fencing_token = {}};
    transaction.set(channel::stream_row_key(stream), channel::encode_stream_row(row));
    for (uint64_t i = 0; i < count; ++i) {
      const ObjectId object(1'000'000 * stream.value + i);
      transaction.set(channel::object_row_key(object),
                      channel::encode_object_row(
                          {.state = channel::ObjectState::kCommitted, .live_ranges = 1}));
      const segment::StreamRange range{
          .stream = stream, .first = Offset(i), .end = Offset(i + 1), .bytes = 100};
      transaction.set(channel::segment_row_key(stream, Offset(i)),
                      segment::encode_segment_row({.object = object, .range = range}));
      if (i % 5000 != 4999 && i + 1 < count) continue;
      ASSERT_TRUE(run(*executor_, metadata_->commit(std::exchange(transaction, {}))).has_value());
    }
  }
  size_t rows(const std::string& prefix) {
    return run(*executor_, metadata_->scan(prefix, "", 100'000))->size();
  }
};

TEST_F(LongStream, IsTrimmedInTransactionsThatFit) {
  open();
  give_segments(kA, 40'000);
  const auto trimmed =
      run(*executor_, store_->retain(kA, {.max_age_ms = std::nullopt, .max_bytes = 50}));
  ASSERT_TRUE(trimmed.has_value()) << trimmed.error().message;
  EXPECT_EQ(*trimmed, Offset(39'999));
  EXPECT_EQ(rows(channel::segment_row_prefix(kA)), 1u);
}

TEST_F(LongStream, IsRemovedInTransactionsThatFitWithOthersBesideIt) {
  open();
  give_segments(kA, 40'000);
  for (uint64_t s = 2; s < 300; ++s) give_segments(StreamId(s), 20);
  std::vector<StreamId> all;
  for (uint64_t s = 1; s < 400; ++s) all.push_back(StreamId(s));
  const auto removed = run(*executor_, store_->remove(all));
  ASSERT_TRUE(removed.has_value()) << removed.error().message;
  EXPECT_EQ(rows("segment/"), 0u);
  EXPECT_EQ(rows("stream/"), 0u);
  EXPECT_EQ(rows("object/"), 0u);
}

TEST_F(LongStream, ARemovalCutOffAnywhereLeavesAStreamThatWasTrimmed) {
  for (uint64_t cut = 1;; cut += 3) {
    open();
    give_segments(kA, 6'000);
    executor_->stop_at_step(executor_->steps() + cut);
    const auto removed = sim::try_run(*executor_, store_->remove({kA}));
    crash_and_reopen();
    const auto bounds = run(*executor_, store_->bounds(kA));
    ASSERT_TRUE(bounds.has_value()) << bounds.error().message;
    EXPECT_EQ(rows("segment/"), (bounds->durable_tail - bounds->trim_point)) << "cut at " << cut;
    EXPECT_EQ(rows("stream/"), bounds->durable_tail > Offset(0) ? 1u : 0u) << "cut at " << cut;
    ASSERT_TRUE(run(*executor_, store_->remove({kA})).has_value());
    EXPECT_EQ(rows("stream/"), 0u);
    if (removed.has_value()) break;
    crash();
  }
}

}  // namespace
}  // namespace thalweg
