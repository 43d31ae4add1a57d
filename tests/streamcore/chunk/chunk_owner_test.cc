#include "streamcore/chunk/chunk_owner.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/log.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/chunk/memory_replica.h"

namespace thalweg::chunk {
namespace {

using base::ErrorCode;
using namespace std::chrono_literals;

constexpr ChannelId kChannel(1);
constexpr ChannelEpoch kEpoch(5);

class Listener final : public OwnerListener {
 public:
  void on_durable(ChunkSeq durable_end) override {
    EXPECT_FALSE(stopped) << "nothing is announced after the stop";
    EXPECT_GT(durable_end, end);
    end = durable_end;
    ++calls;
  }
  void on_stopped(base::Error error) override {
    EXPECT_FALSE(stopped);
    stopped = std::move(error);
  }
  bool lease_holds() override { return lease; }

  ChunkSeq end;
  int calls = 0;
  bool lease = true;
  std::optional<base::Error> stopped;
};

// One owner over N stores in memory.
class ChunkOwnerTest : public ::testing::Test {
 protected:
  void start(size_t replica_count, uint32_t window = 4, uint32_t lag_chunks_max = 64) {
    std::vector<ChunkReplica*> pointers;
    OwnerOptions options{.channel = kChannel,
                         .epoch = kEpoch,
                         .incarnations = {},
                         .nonce = 77,
                         .window = window,
                         .lag_chunks_max = lag_chunks_max};
    for (size_t i = 0; i < replica_count; ++i) {
      stores.push_back(std::make_unique<MemoryStore>(100 + i));
      replicas.push_back(std::make_unique<MemoryReplica>(*stores[i], executor, random));
      pointers.push_back(replicas[i].get());
      options.incarnations.push_back(100 + i);
    }
    owner = std::make_unique<ChunkOwner>(executor, pointers, options, listener);
  }
  FinishedChunk next_chunk(std::string payload = "x") {
    ChunkBuilder builder(base::Buffer::allocate(ChunkBuilder::bytes_needed(payload.size())));
    builder.add({.stream = StreamId(1),
                 .base = Offset(owner->next_seq().value),
                 .count = 1,
                 .length = static_cast<uint32_t>(payload.size())},
                base::as_bytes(payload));
    return builder.finish(owner->next_ids(), owner->durable_end());
  }
  void submit() { owner->submit(next_chunk()); }
  static ChunkKey key(uint64_t seq) { return {kChannel, kEpoch, ChunkSeq(seq)}; }
  void put_seal(size_t store, uint64_t seq) {
    const base::Buffer seal =
        encode_seal({.channel = kChannel, .epoch = kEpoch, .seq = ChunkSeq(seq), .nonce = 1});
    stores[store]->put(key(seq), {seal.data(), kChunkHeaderBytes});
  }

  sim::SimExecutor executor;
  base::SeededRandom random{1};
  Listener listener;
  std::vector<std::unique_ptr<MemoryStore>> stores;
  std::vector<std::unique_ptr<MemoryReplica>> replicas;
  std::unique_ptr<ChunkOwner> owner;
};

TEST_F(ChunkOwnerTest, OneReplicaAcksStraightFromTheWriteWithoutAnExecutorHop) {
  start(1);
  submit();
  EXPECT_EQ(listener.end, ChunkSeq(1));
  EXPECT_EQ(executor.steps(), 0u);
}

TEST_F(ChunkOwnerTest, ThreeReplicasAckAtTwoCopies) {
  start(3);
  replicas[0]->faults.delay_max = 0ns;
  replicas[1]->faults.hangs = true;
  replicas[2]->faults.down = true;
  submit();
  executor.run_for(10ms);
  EXPECT_EQ(listener.calls, 0);
  replicas[2]->faults.down = false;
  executor.run_for(100ms);
  EXPECT_EQ(listener.end, ChunkSeq(1));
  EXPECT_EQ(stores[1]->registers().size(), 0u);
}

TEST_F(ChunkOwnerTest, AcksAreInOrderWhenALaterChunkIsDurableFirst) {
  start(1);
  replicas[0]->faults.down = true;
  submit();
  replicas[0]->faults.down = false;
  submit();
  EXPECT_EQ(stores[0]->registers().size(), 1u);
  EXPECT_EQ(listener.calls, 0);
  executor.run_for(100ms);
  EXPECT_EQ(listener.end, ChunkSeq(2));
  EXPECT_EQ(listener.calls, 1);
}

TEST_F(ChunkOwnerTest, NoChunkIsCreatedBeyondTheWindow) {
  start(1, 2);
  replicas[0]->faults.down = true;
  submit();
  EXPECT_TRUE(owner->may_create());
  submit();
  EXPECT_FALSE(owner->may_create());
  replicas[0]->faults.down = false;
  executor.run_for(1s);
  EXPECT_TRUE(owner->may_create());
  EXPECT_EQ(owner->next_seq(), ChunkSeq(2));
}

TEST_F(ChunkOwnerTest, AnUnknownOutcomeIsRepeatedWithTheSameBytesUntilKnown) {
  start(1);
  replicas[0]->faults.lost_answer_percent = 100;
  const FinishedChunk chunk = next_chunk();
  const std::string bytes(base::as_chars(chunk.bytes()));
  owner->submit(chunk);
  executor.run_for(50ms);
  EXPECT_EQ(listener.end, ChunkSeq(0));
  EXPECT_GT(replicas[0]->put_calls, 2u);
  replicas[0]->faults.lost_answer_percent = 0;
  executor.run_for(2s);
  EXPECT_EQ(listener.end, ChunkSeq(1));  // exists, with my bytes
  EXPECT_EQ(base::as_chars(stores[0]->get(key(0))->bytes), bytes);
}

TEST_F(ChunkOwnerTest, ASealFencesAndEverythingUnresolvedStaysUnknown) {
  start(1);
  put_seal(0, 1);
  submit();
  EXPECT_EQ(listener.end, ChunkSeq(1));
  submit();
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.stopped->code, ErrorCode::kFenced);
  EXPECT_EQ(owner->durable_end(), ChunkSeq(1));
  EXPECT_FALSE(owner->may_create());
}

TEST_F(ChunkOwnerTest, AFencedOwnerStillCollectsWhatIsInFlight) {
  start(3);
  put_seal(0, 1);
  replicas[0]->faults.delay_max = 1ms;
  for (const size_t i : {1, 2}) replicas[i]->faults.delay_max = 100ms;
  submit();
  submit();
  while (!owner->stopped()) ASSERT_TRUE(executor.step());
  EXPECT_TRUE(owner->stopped());
  EXPECT_FALSE(listener.stopped);
  executor.run_for(1s);
  // Both other stores took both chunks: durable, although store 0 fenced.
  EXPECT_EQ(listener.end, ChunkSeq(2));
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.stopped->code, ErrorCode::kFenced);
}

TEST_F(ChunkOwnerTest, AStopDoesNotWaitForAReplicaThatNeverAnswers) {
  start(3);
  replicas[0]->faults.delay_max = 1ms;
  replicas[1]->faults.hangs = true;
  put_seal(0, 0);
  submit();
  executor.run_for(1s);
  EXPECT_FALSE(listener.stopped);
  executor.run_for(2s);
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.end, ChunkSeq(0));
}

TEST_F(ChunkOwnerTest, ForeignBytesInMyRegisterStopTheOwnerAsCorrupt) {
  start(1);
  ChunkIds ids = owner->next_ids();
  ids.nonce = 78;
  ChunkBuilder builder(base::Buffer::allocate(4096));
  stores[0]->put(key(0), builder.finish(ids, ChunkSeq(0)).bytes());
  submit();
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.stopped->code, ErrorCode::kCorrupt);
  EXPECT_EQ(listener.end, ChunkSeq(0));
}

TEST_F(ChunkOwnerTest, OneDeadReplicaOfThreeIsSurvivedAndTwoAreNot) {
  start(3);
  replicas[2]->faults.dead = true;
  submit();
  EXPECT_EQ(listener.end, ChunkSeq(1));
  EXPECT_FALSE(owner->stopped());
  replicas[1]->faults.dead = true;
  submit();
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.stopped->code, ErrorCode::kUnavailable);
  EXPECT_EQ(listener.end, ChunkSeq(1));
}

TEST_F(ChunkOwnerTest, AnswersOfAReplacedStoreDoNotCount) {
  start(3);
  submit();
  stores[0]->wipe(999);
  stores[1]->wipe(998);
  submit();
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.end, ChunkSeq(1));
  EXPECT_EQ(stores[0]->registers().size(), 0u);
}

TEST_F(ChunkOwnerTest, AStoreReplacedWhileItsAnswerTravelsDoesNotCount) {
  start(1);
  replicas[0]->faults.delay_max = 10ms;
  submit();
  while (stores[0]->registers().empty()) ASSERT_TRUE(executor.step());
  stores[0]->wipe(999);
  executor.run_for(5s);
  EXPECT_EQ(listener.end, ChunkSeq(0));
  EXPECT_TRUE(listener.stopped);
}

TEST_F(ChunkOwnerTest, ALapsedLeaseHoldsBackWhatAQuorumHolds) {
  start(3);
  listener.lease = false;
  submit();
  submit();
  executor.run_for(1s);
  EXPECT_EQ(stores[0]->registers().size(), 2u);
  EXPECT_EQ(listener.end, ChunkSeq(0));
  EXPECT_FALSE(listener.stopped);
  listener.lease = true;
  owner->lease_renewed();
  EXPECT_EQ(listener.end, ChunkSeq(2));
  EXPECT_EQ(listener.calls, 1);
}

TEST_F(ChunkOwnerTest, ASlowReplicaHoldsABoundedNumberOfChunks) {
  start(3, 4, 8);
  replicas[2]->faults.hangs = true;
  for (int i = 0; i < 50; ++i) submit();
  EXPECT_EQ(listener.end, ChunkSeq(50));
  EXPECT_EQ(replicas[2]->put_calls, 8u);
}

TEST_F(ChunkOwnerTest, ALaggingReplicaIsAskedForUndurableChunksOnceItHasRoom) {
  start(3, 2, 2);
  replicas[2]->faults.delay_max = 50ms;
  submit();
  submit();  // replica 2 now holds its bound
  replicas[1]->faults.down = true;
  submit();  // only replica 0 takes it
  EXPECT_EQ(listener.end, ChunkSeq(2));
  executor.run_for(500ms);
  EXPECT_EQ(listener.end, ChunkSeq(3));
  EXPECT_NE(stores[2]->get(key(2)), nullptr);
}

TEST_F(ChunkOwnerTest, AnEmptyChunkCarriesTheFinalWatermark) {
  start(1);
  submit();
  ChunkBuilder builder(base::Buffer::allocate(4096));
  owner->submit(builder.finish(owner->next_ids(), owner->durable_end()));
  EXPECT_EQ(listener.end, ChunkSeq(2));
  EXPECT_EQ(decode_header(stores[0]->get(key(1))->bytes)->dw, ChunkSeq(1));
}

TEST_F(ChunkOwnerTest, StopAndJoinWaitsForAnswersAndRepeatsNothing) {
  start(1);
  replicas[0]->faults.delay_max = 20ms;
  submit();
  sim::run(executor, owner->stop_and_join());
  EXPECT_EQ(listener.end, ChunkSeq(1));
  EXPECT_FALSE(listener.stopped);
  EXPECT_FALSE(owner->may_create());
}

TEST_F(ChunkOwnerTest, StopAndJoinGivesUpOnAStoreThatIsDown) {
  start(1);
  replicas[0]->faults.down = true;
  submit();
  sim::run(executor, owner->stop_and_join());
  EXPECT_EQ(listener.end, ChunkSeq(0));
}

TEST_F(ChunkOwnerTest, EveryChunkBecomesDurableOverABadNetwork) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    random = base::SeededRandom(seed);
    listener = Listener();
    owner.reset();
    replicas.clear();
    stores.clear();
    start(seed % 2 == 0 ? 1 : 3);
    for (auto& replica : replicas) {
      replica->faults = {.delay_max = 20ms,
                         .lost_request_percent = 10,
                         .lost_answer_percent = 10,
                         .late_landing_percent = 10};
    }
    while (owner->next_seq() < ChunkSeq(40)) {
      if (owner->may_create()) submit();
      ASSERT_TRUE(executor.step());
    }
    executor.run_for(60s);
    EXPECT_EQ(listener.end, ChunkSeq(40)) << "seed " << seed;
    EXPECT_FALSE(listener.stopped);
  }
}

}  // namespace
}  // namespace thalweg::chunk
