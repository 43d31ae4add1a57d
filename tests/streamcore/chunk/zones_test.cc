// The chunk log on three zones: owner and recovery over ObjectReplicas of three buckets, of which
// one is slow, away, emptied, damaged or somebody else's.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/chunk/chunk_owner.h"
#include "streamcore/chunk/object_replica.h"
#include "streamcore/chunk/recovery.h"
#include "tests/sim/sim_bucket.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::chunk {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;
using namespace std::chrono_literals;

constexpr ChannelId kChannel(1);
constexpr ChannelEpoch kEpoch(5);
constexpr size_t kZones = 3;

class Listener final : public OwnerListener {
 public:
  void on_durable(ChunkSeq durable_end) override { end = durable_end; }
  void on_stopped(base::Error error) override { stopped = std::move(error); }
  ChunkSeq end;
  std::optional<base::Error> stopped;
};

// The channel's row.
class Row final : public EpochAuthority {
 public:
  Task<Result<ChunkSeq>> start_sealing() override { co_return free_below; }
  Task<Status> close(ChunkSeq end) override {
    closed = end;
    co_return Status();
  }
  ChunkSeq free_below;
  std::optional<ChunkSeq> closed;
};

// One process's view of the zones.
struct Process {
  std::array<std::unique_ptr<sim::BucketClient>, kZones> clients;
  std::array<std::unique_ptr<ObjectReplica>, kZones> replicas;
  std::vector<ChunkReplica*> pointers() const {
    std::vector<ChunkReplica*> all;
    for (const auto& replica : replicas) all.push_back(replica.get());
    return all;
  }
};

class ZonesTest : public ::testing::Test {
 protected:
  ZonesTest() {
    Process first = connect({});
    for (size_t i = 0; i < kZones; ++i) {
      first.replicas[i] = open(*first.clients[i], true);
      incarnations.push_back(first.replicas[i]->incarnation());
    }
  }

  std::unique_ptr<ObjectReplica> open(sim::BucketClient& client, bool create) {
    auto opened = sim::run(
        executor, ObjectReplica::open(client, executor, random, {.create_if_empty = create}));
    CHECK(opened.has_value());
    return std::move(*opened);
  }
  Process connect(std::array<sim::BucketFaults, kZones> faults) {
    Process process;
    for (size_t i = 0; i < kZones; ++i) {
      process.clients[i] = std::make_unique<sim::BucketClient>(buckets[i], executor, random);
      process.clients[i]->faults = faults[i];
      if (process.clients[i]->faults.delay_max == 0ns) process.clients[i]->faults.delay_max = 5ms;
    }
    return process;
  }
  // A process as it starts: it finds what the row says, or not.
  Process start(std::array<sim::BucketFaults, kZones> faults = {}) {
    Process process = connect(faults);
    for (size_t i = 0; i < kZones; ++i) {
      process.replicas[i] = open(*process.clients[i], false);
      process.replicas[i]->bind(incarnations[i]);
    }
    return process;
  }
  void own(const Process& process) {
    owner = std::make_unique<ChunkOwner>(executor, process.pointers(),
                                         OwnerOptions{.channel = kChannel,
                                                      .epoch = kEpoch,
                                                      .incarnations = incarnations,
                                                      .nonce = 77,
                                                      .window = 4,
                                                      .lag_chunks_max = 8},
                                         listener);
  }
  FinishedChunk next_chunk() const {
    const std::string payload = "chunk " + std::to_string(owner->next_seq().value);
    ChunkBuilder builder(base::Buffer::allocate(4096));
    builder.add({.stream = StreamId(3),
                 .base = Offset(owner->next_seq().value),
                 .count = 1,
                 .length = static_cast<uint32_t>(payload.size())},
                base::as_bytes(payload));
    return builder.finish(owner->next_ids(), owner->durable_end());
  }
  // Submits until `end` chunks were, and waits until they are durable; how long that took.
  base::Duration append_until(uint64_t end) {
    const base::TimePoint begun = executor.now();
    while (listener.end < ChunkSeq(end) && !listener.stopped) {
      if (owner->may_create() && owner->next_seq() < ChunkSeq(end)) {
        owner->submit(next_chunk());
      } else {
        CHECK(executor.step());
      }
    }
    return executor.now() - begun;
  }
  Result<RecoveredEpoch> recover(const Process& process, base::TaskGroup* stragglers = nullptr) {
    return sim::run(executor, recover_epoch(executor, process.pointers(),
                                            {.channel = kChannel,
                                             .epoch = kEpoch,
                                             .incarnations = incarnations,
                                             .sealer_nonce = 9,
                                             .stragglers = stragglers},
                                            row));
  }
  std::string name(size_t zone, uint64_t seq, bool adopted = false) const {
    return encode_chunk_object_key(incarnations[zone], {kChannel, kEpoch, ChunkSeq(seq), adopted});
  }
  bool has(size_t zone, uint64_t seq, bool adopted = false) const {
    const auto& objects = buckets[zone].objects();
    const auto found = objects.find(name(zone, seq, adopted));
    return found != objects.end() && found->second.size() != kChunkHeaderBytes;
  }
  size_t copies(uint64_t seq) const {
    size_t count = 0;
    for (size_t i = 0; i < kZones; ++i) count += has(i, seq) || has(i, seq, true) ? 1 : 0;
    return count;
  }
  // Every chunk of the recovered epoch is there and itself.
  void expect_readable(const Process& process, ChunkSeq end) {
    for (ChunkSeq seq; seq < end; ++seq) {
      const auto view =
          sim::run(executor, read_chunk_view(process.pointers(), {kChannel, kEpoch, seq}));
      ASSERT_TRUE(view) << view.error().message;
      EXPECT_EQ(base::as_chars(view->entries()[0].payload), "chunk " + std::to_string(seq.value));
    }
  }

  sim::SimExecutor executor;
  base::SeededRandom random{1};
  std::array<sim::SimBucket, kZones> buckets;
  std::vector<uint64_t> incarnations;
  Listener listener;
  Row row;
  std::unique_ptr<ChunkOwner> owner;
};

constexpr sim::BucketFaults kSlow{.delay_min = 5s, .delay_max = 10s};
constexpr sim::BucketFaults kDown{.delay_max = 5ms, .down = true};

TEST_F(ZonesTest, NoAppendWaitsForASlowZone) {
  const Process process = start();
  own(process);
  process.clients[1]->faults = kSlow;
  EXPECT_LT(append_until(200), 2s);
  EXPECT_EQ(listener.end, ChunkSeq(200));
  EXPECT_LE(process.clients[1]->puts, 8u) << "it holds a bounded number of chunks";
}

TEST_F(ZonesTest, NoAppendWaitsForAZoneThatIsAwayAndItIsUsedAgainOnceItIsBack) {
  const Process process = start();
  own(process);
  process.clients[2]->faults = kDown;
  EXPECT_LT(append_until(100), 2s);
  process.clients[2]->faults = {.delay_max = 5ms};
  executor.run_for(2s);
  append_until(120);
  executor.run_for(2s);
  for (uint64_t seq = 110; seq < 120; ++seq) EXPECT_EQ(copies(seq), 3u) << seq;
  EXPECT_FALSE(listener.stopped);
}

TEST_F(ZonesTest, WithTwoZonesAwayNothingIsAcknowledgedAndNothingIsLost) {
  const Process process = start();
  own(process);
  append_until(10);
  process.clients[0]->faults = kDown;
  process.clients[1]->faults = kDown;
  while (owner->may_create()) owner->submit(next_chunk());
  executor.run_for(1min);
  EXPECT_EQ(listener.end, ChunkSeq(10));
  EXPECT_FALSE(listener.stopped) << "an outage is waited out";
  process.clients[0]->faults = {.delay_max = 5ms};
  executor.run_for(2s);
  EXPECT_EQ(listener.end, ChunkSeq(14));
}

TEST_F(ZonesTest, AZoneEmptiedUnderALivingOwnerIsLostToItAndTwoGoOn) {
  const Process process = start();
  own(process);
  append_until(10);
  buckets[0].wipe();
  append_until(20);
  executor.run_for(11s);
  append_until(30);
  executor.run_for(1s);
  EXPECT_EQ(process.replicas[0]->incarnation(), 0u);
  append_until(60);
  executor.run_for(1s);
  EXPECT_FALSE(listener.stopped);
  EXPECT_FALSE(has(0, 59));
  EXPECT_EQ(copies(59), 2u);
  base::expect_error_line("chunk replica is lost");
}

TEST_F(ZonesTest, AnEmptiedZoneDoesNotVoteAfterARestart) {
  {
    const Process process = start();
    own(process);
    process.clients[2]->faults = kDown;
    append_until(6);
    owner.reset();
  }
  buckets[0].wipe();
  // Were its SEALs counted, they and the empty zone 2 would be a quorum before zone 1 answers.
  const Process next = start({{{}, {.delay_min = 1s, .delay_max = 1s}, {}}});
  const auto recovered = recover(next);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, ChunkSeq(6));
  expect_readable(next, recovered->end);
  for (const auto& [key, bytes] : buckets[0].objects()) {
    EXPECT_EQ(bytes.size(), 0u) << key << " was put into a zone that is not the row's";
  }
  base::expect_error_line("chunk replica is lost");
}

TEST_F(ZonesTest, AZoneEmptiedBetweenItsAnswerAndTheDecisionDoesNotVote) {
  {
    const Process process = start();
    own(process);
    process.clients[2]->faults = kDown;
    append_until(6);
    owner.reset();
  }
  const Process next = start({{{}, {.delay_min = 300ms, .delay_max = 300ms}, {}}});
  buckets[0].wipe();  // it was itself when the process started
  const auto recovered = recover(next);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, ChunkSeq(6));
  base::expect_error_line("chunk replica is lost");
}

TEST_F(ZonesTest, WithTwoZonesEmptiedNothingIsDecided) {
  {
    const Process process = start();
    own(process);
    append_until(6);
    executor.run_for(1s);
    owner.reset();
  }
  buckets[0].wipe();
  buckets[1].wipe();
  const Process next = start();
  const auto recovered = recover(next);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(row.closed);
  base::expect_error_line("chunk replica is lost");
}

TEST_F(ZonesTest, AZoneThatCannotBeReachedAtTheStartIsUsedOnceItCan) {
  const Process process = start({{{}, {}, kDown}});
  EXPECT_EQ(process.replicas[2]->incarnation(), 0u);
  own(process);
  append_until(20);
  process.clients[2]->faults = {.delay_max = 5ms};
  executor.run_for(2s);
  append_until(30);
  executor.run_for(1s);
  EXPECT_EQ(process.replicas[2]->incarnation(), incarnations[2]);
  EXPECT_EQ(copies(29), 3u);
}

TEST_F(ZonesTest, AStartWaitsAWhileForASlowZoneAndGoesOnWithout) {
  const base::TimePoint begun = executor.now();
  const Process process = start({{{}, kSlow, {}}});
  EXPECT_LT(executor.now() - begun, 4s);
  EXPECT_EQ(process.replicas[1]->incarnation(), 0u);
  executor.run_for(30s);
  EXPECT_EQ(process.replicas[1]->incarnation(), incarnations[1]);
}

TEST_F(ZonesTest, ARecoveryReturnsWithoutASlowZonesAnswers) {
  {
    const Process process = start();
    own(process);
    append_until(20);
    owner.reset();
  }
  const Process next = start();
  next.clients[0]->faults = kSlow;
  base::TaskGroup stragglers(executor);
  const base::TimePoint begun = executor.now();
  const auto recovered = recover(next, &stragglers);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_GE(recovered->end, ChunkSeq(20));
  EXPECT_LT(executor.now() - begun, 1s);
  EXPECT_GT(stragglers.size(), 0u);
  sim::run(executor, stragglers.stop_and_join());
}

TEST_F(ZonesTest, AChunkOnOneZoneIsAdoptedAndOnAQuorumBeforeTheClose) {
  {
    const Process process = start();
    own(process);
    append_until(3);
    executor.run_for(1s);
    process.clients[0]->faults = kDown;
    process.clients[1]->faults = kDown;
    owner->submit(next_chunk());
    executor.run_for(1s);
    owner.reset();
  }
  ASSERT_EQ(copies(3), 1u);
  const Process next = start({{{}, {}, {.delay_max = 1ms}}});
  const auto recovered = recover(next);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, ChunkSeq(4));
  EXPECT_GE(copies(3), 2u);
  buckets[2].wipe();
  expect_readable(start(), ChunkSeq(4));
  base::expect_error_line("chunk replica is lost");
}

TEST_F(ZonesTest, ADamagedCopyIsReadFromAnotherZoneAndMadeGoodBesideIt) {
  constexpr sim::BucketFaults kUsual{.delay_min = 4ms, .delay_max = 5ms};
  const Process process = start({{{.delay_max = 1ms}, kUsual, kUsual}});
  own(process);
  append_until(3);
  executor.run_for(1s);
  buckets[0].damage(name(0, 1), 8 * 3000);
  expect_readable(process, ChunkSeq(3));
  EXPECT_TRUE(has(0, 1, true)) << "a register is never written twice";
  base::expect_error_line("chunk copy is corrupt");
  buckets[1].wipe();
  buckets[2].wipe();
  const auto view =
      sim::run(executor, read_chunk_view({process.replicas[0].get(), process.replicas[1].get()},
                                         {kChannel, kEpoch, ChunkSeq(1)}));
  EXPECT_TRUE(view);
  base::expect_error_line("chunk copy is corrupt");
}

TEST_F(ZonesTest, DamageOnTheWayIsNoDamage) {
  const Process process = start();
  own(process);
  append_until(20);
  executor.run_for(1s);
  for (const auto& client : process.clients) client->faults.torn_read = 100;
  for (int i = 0; i < 20; ++i) expect_readable(process, ChunkSeq(20));
  (void)base::take_log_lines(base::LogLevel::kError, "chunk copy is corrupt");
}

TEST_F(ZonesTest, TheOnlyCopyIsNotGivenUpForDamageOnTheWay) {
  const Process process = start();
  own(process);
  append_until(20);
  executor.run_for(1s);
  process.clients[0]->faults.torn_read = 100;
  const std::vector<ChunkReplica*> only{process.replicas[0].get()};
  for (uint64_t i = 0; i < 400; ++i) {
    const ChunkKey key{kChannel, kEpoch, ChunkSeq(i % 20)};
    EXPECT_TRUE(sim::run(executor, read_chunk_index(only, key))) << i;
    EXPECT_TRUE(sim::run(executor, read_chunk_view(only, key))) << i;
  }
}

TEST_F(ZonesTest, ReadsLeaveASlowZoneAlone) {
  const Process process = start();
  own(process);
  append_until(20);
  executor.run_for(1s);
  process.clients[0]->faults = kSlow;
  (void)sim::run(executor, process.replicas[0]->check_incarnation());
  const base::TimePoint begun = executor.now();
  expect_readable(process, ChunkSeq(20));
  EXPECT_LT(executor.now() - begun, 1s);
}

TEST_F(ZonesTest, DamageWithAZoneAwayIsWaitedOut) {
  {
    const Process process = start();
    own(process);
    process.clients[2]->faults = kDown;
    append_until(3);
    owner.reset();
  }
  buckets[0].damage(name(0, 1), 8 * 3000);
  const Process process = start({{{}, kDown, {}}});
  const auto view =
      sim::run(executor, read_chunk_view(process.pointers(), {kChannel, kEpoch, ChunkSeq(1)}));
  EXPECT_EQ(view.error().code, ErrorCode::kUnavailable) << "the good copy is in zone 1";
  EXPECT_EQ(recover(process).error().code, ErrorCode::kUnavailable);
  process.clients[1]->faults = {.delay_max = 5ms};
  const auto recovered = recover(process);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, ChunkSeq(3));
  expect_readable(process, recovered->end);
  base::expect_error_line("corrupt");
}

TEST_F(ZonesTest, AnOwnerThatWakesUpAfterTheTakeOverIsFencedAndLosesNothingItPromised) {
  const Process zombie = start();
  own(zombie);
  append_until(5);
  // What it sends now travels while another takes over.
  for (const auto& client : zombie.clients)
    client->faults = {.delay_min = 50ms, .delay_max = 400ms};
  while (owner->may_create()) owner->submit(next_chunk());
  const Process next = start();
  const auto recovered = recover(next);
  ASSERT_TRUE(recovered) << recovered.error().message;
  executor.run_for(1min);
  ASSERT_TRUE(listener.stopped);
  EXPECT_EQ(listener.stopped->code, ErrorCode::kFenced);
  EXPECT_LE(listener.end, recovered->end);
  expect_readable(next, recovered->end);
}

TEST_F(ZonesTest, APutThatLandsAfterTheSealChangesNothing) {
  {
    const Process process = start();
    own(process);
    append_until(5);
    for (const auto& client : process.clients) client->faults.late_landing = 1000;
    while (owner->may_create()) owner->submit(next_chunk());
    executor.run_for(10ms);
    owner.reset();
  }
  const Process next = start();
  const auto recovered = recover(next);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, ChunkSeq(5));
  for (sim::SimBucket& bucket : buckets) {
    bucket.land_all();
    EXPECT_GT(bucket.late_conflicts(), 0u);
  }
  const auto again = recover(next);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->end, ChunkSeq(5));
}

}  // namespace
}  // namespace thalweg::chunk
