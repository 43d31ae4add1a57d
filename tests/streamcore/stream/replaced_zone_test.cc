// A zone of three is emptied and replaced by the operator: what counts, and from when on.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "streamcore/channel/channel_row_format.h"
#include "streamcore/channel/replica_succession.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/chunk/object_marker.h"
#include "streamcore/chunk/object_replica.h"
#include "tests/sim/sim_bucket.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/base/task_runner.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

constexpr size_t kZones = 3;
constexpr StreamId kA{1};

class ReplacedZoneTest : public testing::Test {
 protected:
  ~ReplacedZoneTest() override { crash(); }

  void start_process() {
    executor_ = std::make_unique<sim::SimExecutor>(now_);
    clock_ = std::make_unique<sim::SimClock>(*executor_);
    if (!objects_) objects_ = std::make_unique<object_store::MemoryObjectStore>(*executor_);
    objects_->attach(*executor_);
    metadata_ = *run(*executor_, metadata::ObjectLogMetadataStore::open(
                                     *executor_, *objects_, random_, {.single_writer = true}));
    const bool fresh = !run(*executor_, metadata_->get(channel_key()))->has_value();
    for (size_t i = 0; i < kZones; ++i) {
      clients_[i] = std::make_unique<sim::BucketClient>(buckets_[i], *executor_, random_);
      clients_[i]->faults = faults_[i];
      replicas_[i] = *run(*executor_, chunk::ObjectReplica::open(*clients_[i], *executor_, random_,
                                                                 {.create_if_empty = fresh}));
    }
    logs_.set(StorageClass::kLocal, {replicas_[0].get(), replicas_[1].get(), replicas_[2].get()});
  }
  base::Task<Result<std::unique_ptr<StreamStore>>> open_task() {
    return StreamStore::open({.executor = *executor_,
                              .clock = *clock_,
                              .random = random_,
                              .objects = *objects_,
                              .metadata = *metadata_,
                              .logs = logs_,
                              .rules = rules_},
                             options_);
  }
  Status open() {
    start_process();
    auto opened = run(*executor_, open_task());
    if (!opened) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return {};
  }
  void crash() {
    store_.reset();
    for (auto& replica : replicas_) replica.reset();
    metadata_.reset();
    if (executor_) now_ = executor_->now();
    executor_.reset();
  }
  void append(std::string payload) {
    payload.insert(0, 12, '.');  // the stamp
    ASSERT_TRUE(run(*executor_, store_->open_for_append({kA})));
    const auto appended = store_->append({.stream = kA,
                                          .payload = base::as_bytes(payload),
                                          .count = 1,
                                          .max_timestamp = 1,
                                          .match_offset = std::nullopt,
                                          .fencing_token = std::nullopt});
    ASSERT_TRUE(appended.has_value());
    ASSERT_TRUE(run(*executor_, store_->durable(appended->position)));
  }
  std::string read_all() {
    std::string found;
    for (;;) {
      const auto read = run(*executor_, store_->read(kA, Offset(found.size()), 1 << 20));
      EXPECT_TRUE(read.has_value()) << read.error().message;
      if (!read || read->entries.empty()) return found;
      for (const EntryRef& entry : read->entries) {
        found += base::as_chars(entry.payload.bytes).substr(12);
      }
    }
  }
  // What the operator's command does, in a process of its own.
  uint64_t replace(size_t zone) {
    sim::SimExecutor executor(now_);
    objects_->attach(executor);
    const auto metadata =
        *run(executor, metadata::ObjectLogMetadataStore::open(executor, *objects_, random_,
                                                              {.single_writer = true}));
    const auto succession = *run(executor, channel::ReplicaSuccession::load(*metadata));
    const auto known = run(executor, channel::replicas_of_logs(*metadata, succession))->front();
    const uint64_t successor = random_.next();
    EXPECT_TRUE(run(executor, channel::replace_replica(*metadata, known[zone], successor)));
    sim::BucketClient client(buckets_[zone], executor, random_);
    EXPECT_EQ(run(executor, chunk::create_marker(client, successor)), successor);
    run(executor, metadata->stop());
    now_ = executor.now();
    return successor;
  }
  std::string channel_key() const { return channel::channel_row_key(options_.channel); }
  std::vector<uint64_t> incarnations() {
    const auto row = run(*executor_, metadata_->get(channel_key()));
    return channel::decode_channel_row(**row)->incarnations;
  }
  size_t chunks(size_t zone, uint64_t incarnation) const {
    size_t count = 0;
    for (const auto& [key, bytes] : buckets_[zone].objects()) {
      const auto name = chunk::decode_chunk_object_key(key);
      count += name && name->incarnation == incarnation && bytes.size() > chunk::kChunkHeaderBytes;
    }
    return count;
  }

  StreamStoreOptions options_{.offload_interval_ms = 3'600'000};
  CountingRules rules_;
  base::TimePoint now_{};
  base::SeededRandom random_{5};
  std::array<sim::SimBucket, kZones> buckets_;
  std::array<sim::BucketFaults, kZones> faults_;  // of the next process
  std::unique_ptr<object_store::MemoryObjectStore> objects_;
  std::unique_ptr<sim::SimExecutor> executor_;
  std::unique_ptr<sim::SimClock> clock_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::array<std::unique_ptr<sim::BucketClient>, kZones> clients_;
  std::array<std::unique_ptr<chunk::ObjectReplica>, kZones> replicas_;
  OpenLogs logs_;
  std::unique_ptr<StreamStore> store_;
};

TEST_F(ReplacedZoneTest, ItHasItsPlaceFromTheNextStartOn) {
  ASSERT_TRUE(open());
  append("a");
  crash();
  for (const char* more : {"b", "c"}) {  // and once more
    buckets_[1].wipe();
    const uint64_t successor = replace(1);
    const Status opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(incarnations()[1], successor);
    append(more);
    EXPECT_EQ(chunks(1, successor), 1u);
    EXPECT_EQ(read_all(), std::string("abc").substr(0, *more - 'a' + 1));
    // What only two zones had is in segments.
    executor_->run_for(std::chrono::seconds(2));
    const auto row = run(*executor_, metadata_->get(channel_key()));
    EXPECT_EQ(channel::decode_channel_row(**row)->undrained.size(), 1u);
    crash();
  }
}

TEST_F(ReplacedZoneTest, ItDoesNotVoteOnWhatWasWrittenBefore) {
  ASSERT_TRUE(open());
  clients_[2]->faults.down = true;
  append("a");  // zones 0 and 1 have it
  crash();
  buckets_[1].wipe();
  replace(1);
  // The new zone 1 and zone 2 have nothing, and are a quorum by number.
  faults_[0].down = true;
  EXPECT_EQ(open().error().code, ErrorCode::kUnavailable);
  crash();
  faults_[0].down = false;
  const Status opened = open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(read_all(), "a");
}

TEST_F(ReplacedZoneTest, WhoWasDeclaredLostWhileSlotsWereDecidedDidNotVote) {
  ASSERT_TRUE(open());
  append("a");
  crash();
  for (sim::BucketFaults& faults : faults_)
    faults.delay_min = faults.delay_max = std::chrono::seconds(1);
  start_process();
  base::TaskRunner<Result<std::unique_ptr<StreamStore>>> opening(open_task());
  const auto sealing = [&] {
    const auto row = run(*executor_, metadata_->get(channel_key()));
    return channel::decode_channel_row(**row)->state == channel::ChannelState::kSealing;
  };
  while (!sealing()) ASSERT_TRUE(executor_->step());
  const uint64_t lost = incarnations()[0];
  ASSERT_TRUE(run(*executor_, channel::replace_replica(*metadata_, lost, lost + 1)));
  while (!opening.done()) ASSERT_TRUE(executor_->step());
  EXPECT_EQ(opening.take().error().code, ErrorCode::kFenced);
}

TEST_F(ReplacedZoneTest, AReplicaIsReplacedOnceAndTheChainIsFollowed) {
  ASSERT_TRUE(open());
  const uint64_t first = incarnations()[2];
  ASSERT_TRUE(run(*executor_, channel::replace_replica(*metadata_, first, 70)));
  ASSERT_TRUE(run(*executor_, channel::replace_replica(*metadata_, 70, 71)));
  EXPECT_EQ(run(*executor_, channel::replace_replica(*metadata_, first, 72)).error().code,
            ErrorCode::kConditionFailed);
  const auto succession = *run(*executor_, channel::ReplicaSuccession::load(*metadata_));
  const auto logs = *run(*executor_, channel::replicas_of_logs(*metadata_, succession));
  const std::vector<uint64_t> known = {incarnations()[0], incarnations()[1], 71};
  EXPECT_EQ(logs, std::vector<std::vector<uint64_t>>{known});
  EXPECT_EQ(succession.lost().size(), 2u);
}

TEST(LogOnStores, IsTheOneTheStoresThatAreLeftHave) {
  const std::vector<std::vector<uint64_t>> logs = {{7}, {1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(channel::log_on_stores(logs, {4, 0, 6}, 1), logs[2]);
  EXPECT_EQ(channel::log_on_stores(logs, {0, 2, 3}, 0), logs[1]);
  EXPECT_EQ(channel::log_on_stores(logs, {1, 2, 99}, 2), logs[1]) << "what it has now is not asked";
}

TEST(LogOnStores, IsNoneIfTheyAreMixedUpOrMoreThanOneIsLost) {
  const std::vector<std::vector<uint64_t>> logs = {{1, 2, 3}, {4, 5, 6}};
  const auto because = [&](const std::vector<uint64_t>& found, size_t lost) {
    const auto log = channel::log_on_stores(logs, found, lost);
    return log ? "there is one" : log.error().message;
  };
  const std::string misplaced =
      ", as it is named, is not the store that is known in its place: expected ";
  EXPECT_EQ(because({4, 0, 3}, 1), "replica 0" + misplaced + "incarnation 1, got 4")
      << "one of each log";
  EXPECT_EQ(because({0, 2, 0}, 0), "replica 2" + misplaced + "incarnation 3, got 0");
  EXPECT_EQ(because({0, 0, 0}, 0), "no log is on any of them");
  EXPECT_EQ(because({0, 3, 2}, 0), "no log is on any of them") << "the right ones in other places";
}

}  // namespace
}  // namespace thalweg
