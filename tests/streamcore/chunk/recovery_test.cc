#include "streamcore/chunk/recovery.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_owner.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/chunk/memory_replica.h"

namespace thalweg::chunk {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;
using namespace std::chrono_literals;

constexpr ChannelId kChannel(1);
constexpr ChannelEpoch kEpoch(5);

class Row final : public EpochAuthority {
 public:
  Task<Result<ChunkSeq>> start_sealing() override {
    ++sealings;
    co_return sealings > 1 && reread ? *reread : free_below;
  }
  Task<Status> close(ChunkSeq end) override {
    if (superseded) co_return base::fail(ErrorCode::kFenced, "superseded");
    closed = end;
    co_return Status();
  }
  Task<Result<bool>> counts(uint64_t incarnation) override { co_return incarnation != lost; }

  ChunkSeq free_below;
  std::optional<ChunkSeq> reread;
  uint64_t lost = 0;
  bool superseded = false;
  int sealings = 0;
  std::optional<ChunkSeq> closed;
};

class RecoveryTest : public ::testing::Test {
 protected:
  void start(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      stores.push_back(std::make_unique<MemoryStore>(100 + i));
      replicas.push_back(std::make_unique<MemoryReplica>(*stores[i], executor, random));
      pointers.push_back(replicas[i].get());
      options.incarnations.push_back(100 + i);
    }
    options.channel = kChannel;
    options.epoch = kEpoch;
    options.sealer_nonce = 9;
  }
  static ChunkKey key(uint64_t seq, bool adopted = false) {
    return {kChannel, kEpoch, ChunkSeq(seq), adopted};
  }
  static FinishedChunk chunk(uint64_t seq, uint64_t dw) {
    const std::string payload = "chunk " + std::to_string(seq);
    ChunkBuilder builder(base::Buffer::allocate(4096));
    builder.add({.stream = StreamId(3),
                 .base = Offset(seq),
                 .count = 1,
                 .length = static_cast<uint32_t>(payload.size())},
                base::as_bytes(payload));
    return builder.finish({.channel = kChannel, .epoch = kEpoch, .seq = ChunkSeq(seq)},
                          ChunkSeq(dw));
  }
  void put(size_t store, uint64_t seq, uint64_t dw) {
    stores[store]->put(key(seq), chunk(seq, dw).bytes());
  }
  Result<RecoveredEpoch> recover() {
    return sim::run(executor, recover_epoch(executor, pointers, options, row));
  }
  // For a recovery that decides but never comes back, since one request never does.
  Task<void> recover_unheard() { (void)co_await recover_epoch(executor, pointers, options, row); }
  Result<ChunkView> read(uint64_t seq) {
    return sim::run(executor, read_chunk_view(pointers, key(seq)));
  }

  sim::SimExecutor executor;
  base::SeededRandom random{1};
  Row row;
  RecoveryOptions options;
  std::vector<std::unique_ptr<MemoryStore>> stores;
  std::vector<std::unique_ptr<MemoryReplica>> replicas;
  std::vector<ChunkReplica*> pointers;
};

TEST_F(RecoveryTest, AnEpochWithoutChunksEndsAtZero) {
  start(1);
  const auto epoch = recover();
  ASSERT_TRUE(epoch) << epoch.error().message;
  EXPECT_EQ(epoch->end, ChunkSeq(0));
  EXPECT_EQ(row.closed, ChunkSeq(0));
  EXPECT_TRUE(epoch->keys().empty());
}

TEST_F(RecoveryTest, AStoreIsLookedAtOnceForAllSlotsThatItAnsweredFor) {
  start(1);
  options.window = 20;
  for (uint64_t seq = 0; seq < 20; ++seq) put(0, seq, 0);
  const auto epoch = recover();
  ASSERT_TRUE(epoch) << epoch.error().message;
  EXPECT_EQ(epoch->end, ChunkSeq(20));
  EXPECT_LE(replicas[0]->identity_checks, 3u) << "after the list, the chunks, and the SEALs";
}

TEST_F(RecoveryTest, TheEndIsTheFirstSlotWithoutAChunk) {
  start(1);
  row.free_below = ChunkSeq(2);
  for (uint64_t seq = 2; seq < 7; ++seq) put(0, seq, seq - 1);
  const auto epoch = recover();
  ASSERT_TRUE(epoch);
  EXPECT_EQ(epoch->free_below, ChunkSeq(2));
  EXPECT_EQ(epoch->end, ChunkSeq(7));
  ASSERT_EQ(epoch->keys().size(), 5u);
  for (const ChunkKey& at : epoch->keys()) EXPECT_TRUE(read(at.seq.value));
  EXPECT_EQ(decode_header(stores[0]->get(key(7))->bytes)->kind, ChunkKind::kSeal);
}

TEST_F(RecoveryTest, MoreChunksThanOneWaveOfSealsAreAdopted) {
  start(1);
  options.window = 2;
  for (uint64_t seq = 0; seq < 11; ++seq) put(0, seq, 0);
  EXPECT_EQ(recover()->end, ChunkSeq(11));
}

TEST_F(RecoveryTest, AChunkOnOneOfThreeReplicasIsAdoptedAndCopiedBeforeTheClose) {
  start(3);
  put(2, 0, 0);
  ASSERT_EQ(recover()->end, ChunkSeq(1));
  size_t copies = 0;
  for (const auto& store : stores) {
    copies += store->get(key(0, true)) != nullptr;
    const base::Slice* const main = store->get(key(0));
    copies += main != nullptr && decode_header(main->bytes)->kind == ChunkKind::kChunk;
  }
  EXPECT_GE(copies, 2u);
  stores[2]->erase(key(0));
  const auto view = read(0);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(base::as_chars(view->entries()[0].payload), "chunk 0");
}

TEST_F(RecoveryTest, ASlotThatTwoOfThreeReplicasHaveSealedIsTheEndThoughTheThirdIsUnreachable) {
  start(3);
  put(2, 0, 0);
  replicas[2]->faults.hangs = true;
  base::TaskGroup group(executor);
  group.spawn(recover_unheard());
  executor.run_for(10s);
  EXPECT_EQ(row.closed, ChunkSeq(0));
}

TEST_F(RecoveryTest, OneStoreDownIsSurvivedAndTwoAreNot) {
  start(3);
  for (const size_t store : {0, 1}) put(store, 0, 0);
  replicas[2]->faults.down = true;
  EXPECT_EQ(recover()->end, ChunkSeq(1));
  row.closed.reset();
  replicas[1]->faults.down = true;
  const auto epoch = recover();
  ASSERT_FALSE(epoch);
  EXPECT_EQ(epoch.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(row.closed);
}

TEST_F(RecoveryTest, AMissingChunkBelowTheDurableWatermarkIsCorruption) {
  start(1);
  for (const uint64_t seq : {0, 1, 3, 4}) put(0, seq, seq);
  const auto epoch = recover();
  ASSERT_FALSE(epoch);
  EXPECT_EQ(epoch.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(row.sealings, 2) << "the row is read again before it is called corruption";
  EXPECT_FALSE(row.closed);
  base::expect_error_line("is missing");
}

TEST_F(RecoveryTest, AChunkMissingBecauseAnotherDrainedItIsNotCorruption) {
  start(1);
  for (const uint64_t seq : {1, 2}) put(0, seq, seq);
  row.reread = ChunkSeq(1);
  EXPECT_EQ(recover()->end, ChunkSeq(3));
}

TEST_F(RecoveryTest, AChunkThatCameAfterTheListIsNotMissing) {
  start(3);
  // Store 0 is listed while it is empty; then the owner goes on, and store 1 misses what store 0
  // takes.
  for (const size_t store : {1, 2}) put(store, 2, 2);
  replicas[2]->faults.down = true;
  replicas[1]->faults.delay_max = 1ms;
  bool went_on = false;
  executor.on_step([&](uint64_t step) {
    if (step != 2 || went_on) return;
    went_on = true;
    for (const uint64_t seq : {0, 1, 2}) put(0, seq, seq);
  });
  const auto epoch = recover();
  EXPECT_TRUE(went_on);
  ASSERT_TRUE(epoch) << epoch.error().message;
  EXPECT_EQ(epoch->end, ChunkSeq(3));
}

TEST_F(RecoveryTest, AMissingChunkBeyondTheWatermarkIsTheEnd) {
  start(1);
  for (const uint64_t seq : {0, 1, 3, 4}) put(0, seq, std::min<uint64_t>(seq, 1));
  EXPECT_EQ(recover()->end, ChunkSeq(2));
}

TEST_F(RecoveryTest, ASupersededRecoveryClosesNothing) {
  start(1);
  row.superseded = true;
  EXPECT_EQ(recover().error().code, ErrorCode::kFenced);
}

TEST_F(RecoveryTest, ACorruptCopyAmongThreeIsNotTakenForAbsence) {
  start(3);
  for (const size_t store : {0, 1}) put(store, 0, 0);
  stores[0]->damage(key(0), 5000);
  ASSERT_EQ(recover()->end, ChunkSeq(1));
  EXPECT_TRUE(read(0));
  EXPECT_NE(stores[0]->get(key(0, true)), nullptr) << "repaired beside the damaged register";
  base::expect_error_line("corrupt");
}

TEST_F(RecoveryTest, TheOnlyCopyBeingCorruptIsFatal) {
  start(1);
  put(0, 0, 0);
  stores[0]->damage(key(0), 5000);
  EXPECT_EQ(recover().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(read(0).error().code, ErrorCode::kCorrupt);
  base::expect_error_line("corrupt");
}

TEST_F(RecoveryTest, AnEmptiedStoreDoesNotVoteUnderItsNewIncarnation) {
  start(3);
  for (const size_t store : {0, 1}) put(store, 0, 0);
  stores[0]->wipe(999);
  replicas[1]->faults.delay_max = 1s;
  ASSERT_EQ(recover()->end, ChunkSeq(1));
}

TEST_F(RecoveryTest, AnAnswerOfAStoreMarkedLostIsDroppedWhenTheSlotIsDecided) {
  start(3);
  for (const size_t store : {0, 1}) put(store, 0, 0);
  stores[0]->wipe(100);  // emptied unseen: the row knows
  row.lost = 100;
  replicas[1]->faults.delay_max = 1s;
  ASSERT_EQ(recover()->end, ChunkSeq(1));
}

TEST_F(RecoveryTest, IndexesAreReadWithoutPayloads) {
  start(1);
  put(0, 0, 0);
  const auto index = sim::run(executor, read_chunk_index(pointers, key(0)));
  ASSERT_TRUE(index);
  EXPECT_EQ(*index, chunk(0, 0).entries);
  EXPECT_EQ(sim::run(executor, read_chunk_index(pointers, key(1))).error().code,
            ErrorCode::kNotFound);
}

TEST_F(RecoveryTest, AChunkNobodyHoldsIsNotFoundOnlyIfEverybodyAnswered) {
  start(3);
  EXPECT_EQ(read(0).error().code, ErrorCode::kNotFound);
  replicas[1]->faults.down = true;
  EXPECT_EQ(read(0).error().code, ErrorCode::kUnavailable);
}

TEST_F(RecoveryTest, ACleanCloseSealsTheEndOnAQuorum) {
  start(3);
  replicas[0]->faults.down = true;
  put(1, 0, 0);
  put(2, 0, 0);
  ASSERT_TRUE(sim::run(executor, seal_end(executor, pointers, options, ChunkSeq(1))));
  size_t seals = 0;
  for (const auto& store : stores) seals += store->get(key(1)) != nullptr;
  EXPECT_GE(seals, 2u);
  const Status wrong = sim::run(executor, seal_end(executor, pointers, options, ChunkSeq(0)));
  EXPECT_EQ(wrong.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace thalweg::chunk
