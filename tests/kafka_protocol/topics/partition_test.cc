#include "kafka_protocol/topics/partition.h"

#include <gtest/gtest.h>

#include "kafka_protocol/topics/batch_rules.h"
#include "tests/kafka_protocol/topics/stream_batches.h"
#include "tests/streamcore/stream/store_world.h"

namespace thalweg::topics {
namespace {

using sim::run;

constexpr StreamId kStream{1};

class PartitionTest : public testing::Test {
 protected:
  PartitionTest() { open(); }

  void open() {
    world_.open();
    partition_ = std::make_unique<Partition>(world_.executor(), kStream);
  }
  void crash_and_reopen() {
    partition_.reset();
    world_.crash();
    open();
  }
  void load() {
    const base::Status loaded = run(world_.executor(), partition_->load(world_.store()));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  }
  void offload() { ASSERT_TRUE(run(world_.executor(), world_.store().offload_all()).has_value()); }

  // Appends a batch as a produce request does, and keeps the state up to date.
  void append(int64_t producer, int32_t sequence, int count) {
    load();
    ASSERT_TRUE(run(world_.executor(), world_.store().open_for_append({kStream})).has_value());
    const StreamBatch batch({.producer_id = producer,
                             .epoch = 1,
                             .sequence = sequence,
                             .count = count,
                             .timestamp = 1000 + sequence});
    const auto appended = world_.store().append({.stream = kStream,
                                                 .payload = batch.bytes(),
                                                 .count = static_cast<uint32_t>(count),
                                                 .max_timestamp = 1000 + sequence,
                                                 .match_offset = std::nullopt,
                                                 .fencing_token = std::nullopt});
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
    const auto stamped = records::BatchView::parse(appended->payload);
    ASSERT_TRUE(stamped.has_value());
    EXPECT_EQ(stamped->base_offset(), static_cast<int64_t>(appended->base.value));
    partition_->apply(*stamped);
    ASSERT_TRUE(run(world_.executor(), world_.store().durable(appended->position)).has_value());
  }
  void expect_rebuilt_as_it_was() {
    const ProducerTable producers = partition_->producers();
    const LeaderEpochTable epochs = partition_->leader_epochs();
    crash_and_reopen();
    load();
    EXPECT_EQ(partition_->producers(), producers);
    EXPECT_EQ(partition_->leader_epochs(), epochs);
  }

  BatchRules rules_;
  StoreWorld world_{rules_};
  std::unique_ptr<Partition> partition_;
};

TEST_F(PartitionTest, AnUnusedPartitionIsEmpty) {
  load();
  EXPECT_EQ(partition_->producers().size(), 0u);
  EXPECT_TRUE(partition_->leader_epochs().starts().empty());
  expect_rebuilt_as_it_was();
}

TEST_F(PartitionTest, IsRebuiltFromTheLog) {
  append(7, 0, 3);
  append(8, 0, 1);
  append(7, 3, 2);
  expect_rebuilt_as_it_was();
  EXPECT_EQ(partition_->producers().find(7)->last_offset, 5);
  EXPECT_EQ(partition_->producers().find(8)->last_batch()->base_offset, 3);
}

TEST_F(PartitionTest, IsRebuiltFromTheAnnotationAlone) {
  append(7, 0, 3);
  append(8, 0, 1);
  offload();
  expect_rebuilt_as_it_was();
}

TEST_F(PartitionTest, IsRebuiltFromTheAnnotationAndWhatFollows) {
  append(7, 0, 3);
  offload();
  append(8, 0, 1);
  offload();
  append(7, 3, 2);
  append(9, 0, 1);
  expect_rebuilt_as_it_was();
  EXPECT_EQ(partition_->producers().size(), 3u);
}

TEST_F(PartitionTest, EachOwnerAddsALeaderEpoch) {
  for (int owner = 0; owner < 4; ++owner) {
    append(7, owner, 1);
    if (owner == 2) offload();
    expect_rebuilt_as_it_was();
  }
  const auto& starts = partition_->leader_epochs().starts();
  ASSERT_EQ(starts.size(), 4u);
  for (size_t i = 0; i < starts.size(); ++i) {
    EXPECT_EQ(starts[i].offset, static_cast<int64_t>(i));
    if (i > 0) {
      EXPECT_EQ(starts[i].epoch, starts[i - 1].epoch + 1);
    }
  }
}

TEST_F(PartitionTest, ProducersOutliveTheirTrimmedRecords) {
  append(7, 0, 3);
  offload();
  ASSERT_TRUE(run(world_.executor(), world_.store().trim(kStream, Offset(3))).has_value());
  expect_rebuilt_as_it_was();
  EXPECT_EQ(partition_->producers().find(7)->last_offset, 2);
}

TEST_F(PartitionTest, TwoLoadsAtOnceAreOne) {
  append(7, 0, 3);
  crash_and_reopen();
  base::TaskGroup group(world_.executor());
  int done = 0;
  struct Load {
    static base::Task<void> run(Partition& partition, StreamStore& store, int& done) {
      CHECK((co_await partition.load(store)).has_value());
      ++done;
    }
  };
  for (int i = 0; i < 2; ++i) group.spawn(Load::run(*partition_, world_.store(), done));
  run(world_.executor(), group.stop_and_join());
  EXPECT_EQ(done, 2);
  EXPECT_EQ(partition_->producers().find(7)->batch_count, 1);
}

}  // namespace
}  // namespace thalweg::topics
