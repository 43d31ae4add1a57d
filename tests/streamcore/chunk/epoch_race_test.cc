// A living owner, an offloader and several recoveries of one epoch race over stores that delay,
// lose answers, let requests land late and go down. The invariants are I1-I8 of the chunk-log
// protocol.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/log.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_owner.h"
#include "streamcore/chunk/recovery.h"
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
constexpr uint32_t kWindow = 3;

enum class State { kOpen, kSealing, kClosed };

// The channel's row.
struct Row {
  State state = State::kOpen;
  uint64_t sealer = 0;
  ChunkSeq free_below;
  ChunkSeq end;
};

class World;

class Recoverer final : public EpochAuthority {
 public:
  Recoverer(World& world, uint64_t id) : world_(world), id_(id) {}
  Task<Result<ChunkSeq>> start_sealing() override;
  Task<Status> close(ChunkSeq end) override;
  Task<void> run(base::Duration after);

 private:
  World& world_;
  uint64_t id_;
  bool started_ = false;
};

class World final : public OwnerListener {
 public:
  World(uint64_t seed, size_t store_count)
      : random(seed), quorum(quorum_of(store_count)), processes(executor) {
    for (size_t i = 0; i < store_count; ++i) {
      stores.push_back(std::make_unique<MemoryStore>(100 + i));
      stores[i]->on_created = [this, i](const ChunkKey& key) { check_created(i, key); };
      incarnations.push_back(100 + i);
    }
    options = {.channel = kChannel,
               .epoch = kEpoch,
               .incarnations = incarnations,
               .nonce = 77,
               .window = kWindow,
               .retry_delay_max = 100ms,
               .resolve_time_max = 1h};
  }

  // A process's own view of the stores, with a network of its own.
  std::vector<ChunkReplica*> connect() {
    std::vector<ChunkReplica*> view;
    for (const auto& store : stores) {
      replicas.push_back(std::make_unique<MemoryReplica>(*store, executor, random));
      replicas.back()->faults = {.delay_max = base::Duration(1 + random.below(30'000'000)),
                                 .lost_request_percent = static_cast<uint32_t>(random.below(20)),
                                 .lost_answer_percent = static_cast<uint32_t>(random.below(20)),
                                 .late_landing_percent = static_cast<uint32_t>(random.below(20)),
                                 .late_max = 3s};
      view.push_back(replicas.back().get());
    }
    return view;
  }
  base::Duration pause(uint64_t ms) { return base::Duration(1ms) * random.below(ms); }

  void on_durable(ChunkSeq durable_end) override {
    acked = durable_end;
    check_acks();
  }
  void on_stopped(base::Error error) override { stopped = std::move(error); }

  size_t copies(ChunkSeq seq) const {
    size_t count = 0;
    for (const auto& store : stores) count += holds(*store, seq);
    return count;
  }
  static bool holds(const MemoryStore& store, ChunkSeq seq) {
    if (store.get({kChannel, kEpoch, seq, true}) != nullptr) return true;
    const base::Slice* const there = store.get({kChannel, kEpoch, seq, false});
    return there != nullptr && decode_header(there->bytes)->kind == ChunkKind::kChunk;
  }
  size_t seals(ChunkSeq seq) const {
    size_t count = 0;
    for (const auto& store : stores) {
      const base::Slice* const there = store->get({kChannel, kEpoch, seq, false});
      count += there != nullptr && decode_header(there->bytes)->kind == ChunkKind::kSeal;
    }
    return count;
  }

  // I1, I2: nothing at or beyond a decided end is ever acknowledged.
  void check_acks() const {
    if (row.state == State::kClosed) EXPECT_LE(acked, row.end);
  }
  void check_created(size_t store, const ChunkKey& key) {
    const ChunkHeader header = *decode_header(stores[store]->get(key)->bytes);
    if (header.kind == ChunkKind::kSeal) return;
    // I6: one content per chunk, whatever register and store it lies in.
    const auto [first, is_new] = contents.try_emplace(key.seq, header);
    EXPECT_EQ(first->second, header) << to_string(key);
    // I4: the watermark of whatever can be seen is true.
    if (row.state == State::kClosed) return;
    for (ChunkSeq seq = row.free_below; seq < header.dw; ++seq) {
      EXPECT_GE(copies(seq), quorum) << "watermark " << header.dw.value << " lies at " << seq.value;
    }
  }
  void check_closed() const {
    check_acks();
    // I5: what is to be drained is on a quorum.
    for (ChunkSeq seq = row.free_below; seq < row.end; ++seq) {
      EXPECT_GE(copies(seq), quorum) << "slot " << seq.value << " below end " << row.end.value;
    }
    EXPECT_GE(seals(row.end), quorum);  // I8
  }

  Task<void> own() {
    owner = std::make_unique<ChunkOwner>(executor, connect(), options, *this);
    while (!stopped && owner->next_seq() < ChunkSeq(30)) {
      if (owner->may_create()) {
        const std::string payload = "chunk " + std::to_string(owner->next_seq().value);
        ChunkBuilder builder(base::Buffer::allocate(4096));
        builder.add({.stream = StreamId(3),
                     .base = Offset(owner->next_seq().value),
                     .count = 1,
                     .length = static_cast<uint32_t>(payload.size())},
                    base::as_bytes(payload));
        owner->submit(builder.finish(owner->next_ids(), owner->durable_end()));
      }
      co_await base::sleep_for(executor, pause(40));
    }
  }
  // W6: the free-watermark moves by a transaction on the row, chunks go afterwards and maybe much
  // later.
  Task<void> offload() {
    const std::vector<ChunkReplica*> view = connect();
    for (int round = 0; round < 40; ++round) {
      co_await base::sleep_for(executor, pause(80));
      if (row.state == State::kOpen && acked > row.free_below) {
        row.free_below += 1 + random.below(acked - row.free_below);  // I7
      }
      const ChunkSeq free_below = row.free_below;
      co_await base::sleep_for(executor, pause(80));
      for (ChunkReplica* replica : view) {
        (void)co_await replica->remove_below(kChannel, kEpoch, free_below);
      }
    }
  }
  Task<void> disturb() {
    for (int round = 0; round < 12; ++round) {
      co_await base::sleep_for(executor, pause(300));
      // At most N - Q stores are away at once, for everybody.
      const size_t victim = random.below(stores.size());
      for (size_t i = 0; i < replicas.size(); ++i) {
        replicas[i]->faults.down = stores.size() > 1 && i % stores.size() == victim;
      }
    }
    for (const auto& replica : replicas) replica->faults.down = false;
  }

  sim::SimExecutor executor;
  base::SeededRandom random;
  size_t quorum;
  std::vector<std::unique_ptr<MemoryStore>> stores;
  std::vector<std::unique_ptr<MemoryReplica>> replicas;
  std::vector<uint64_t> incarnations;
  OwnerOptions options;
  std::map<ChunkSeq, ChunkHeader> contents;
  Row row;
  ChunkSeq acked;
  std::optional<base::Error> stopped;
  std::vector<std::unique_ptr<Recoverer>> recoverers;
  std::unique_ptr<ChunkOwner> owner;
  base::TaskGroup processes;
};

Task<Result<ChunkSeq>> Recoverer::start_sealing() {
  co_await base::sleep_for(world_.executor, world_.pause(20));
  Row& row = world_.row;
  if (row.state == State::kClosed) co_return base::fail(ErrorCode::kFenced, "closed");
  if (started_ && row.sealer != id_) co_return base::fail(ErrorCode::kFenced, "superseded");
  row.state = State::kSealing;
  row.sealer = id_;
  started_ = true;
  const ChunkSeq free_below = row.free_below;
  co_await base::sleep_for(world_.executor, world_.pause(20));
  co_return free_below;
}

Task<Status> Recoverer::close(ChunkSeq end) {
  co_await base::sleep_for(world_.executor, world_.pause(20));
  Row& row = world_.row;
  if (row.state != State::kSealing || row.sealer != id_) {
    co_return base::fail(ErrorCode::kFenced, "superseded");
  }
  row.state = State::kClosed;  // I3: once
  row.end = end;
  world_.check_closed();
  co_return Status();
}

Task<void> Recoverer::run(base::Duration after) {
  co_await base::sleep_for(world_.executor, after);
  const std::vector<ChunkReplica*> view = world_.connect();
  while (world_.row.state != State::kClosed) {
    RecoveryOptions options{.channel = kChannel,
                            .epoch = kEpoch,
                            .incarnations = world_.incarnations,
                            .sealer_nonce = id_,
                            .window = kWindow,
                            .attempts_max = 8,
                            .retry_delay_max = 100ms};
    const auto recovered = co_await recover_epoch(world_.executor, view, options, *this);
    if (!recovered) EXPECT_NE(recovered.error().code, ErrorCode::kCorrupt);
    if (recovered) EXPECT_EQ(recovered->end, world_.row.end);
    if (!recovered && recovered.error().code == ErrorCode::kFenced) {
      // Somebody else goes on; look again later, as a new attempt.
      co_await base::sleep_for(world_.executor, 200ms + world_.pause(2000));
      started_ = false;
    }
  }
}

void race(uint64_t seed, size_t store_count, bool late_puts_win = false) {
  SCOPED_TRACE("seed " + std::to_string(seed) + " stores " + std::to_string(store_count));
  World world(seed, store_count);
  for (const auto& store : world.stores) store->late_puts_win = late_puts_win;
  world.processes.spawn(world.own());
  world.processes.spawn(world.offload());
  world.processes.spawn(world.disturb());
  const uint64_t recoverers = 1 + world.random.below(3);
  for (uint64_t id = 1; id <= recoverers; ++id) {
    world.recoverers.push_back(std::make_unique<Recoverer>(world, id));
    world.processes.spawn(world.recoverers.back()->run(world.pause(1500)));
  }
  world.executor.run_for(5min);
  ASSERT_EQ(world.row.state, State::kClosed) << "recovery ends";
  world.check_closed();
  // The end blocks the owner for ever: it is fenced, or had written everything before.
  EXPECT_TRUE(world.stopped || world.acked == ChunkSeq(30));
  if (world.stopped) EXPECT_EQ(world.stopped->code, ErrorCode::kFenced);
  // Everything acknowledged and not offloaded can be drained.
  const std::vector<ChunkReplica*> view = world.connect();
  for (const auto& replica : world.replicas) replica->faults = {};
  for (ChunkSeq seq = world.row.free_below; seq < world.row.end; ++seq) {
    const auto chunk = sim::run(world.executor, read_chunk_view(view, {kChannel, kEpoch, seq}));
    ASSERT_TRUE(chunk) << chunk.error().message;
    EXPECT_EQ(base::as_chars(chunk->entries()[0].payload), "chunk " + std::to_string(seq.value));
  }
}

class EpochRace : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override { base::set_log_level(base::LogLevel::kError); }
  void TearDown() override { base::set_log_level(base::LogLevel::kInfo); }
};

TEST_P(EpochRace, InvariantsHoldForEverySeed) {
  for (uint64_t seed = 0; seed < 300 && !HasFailure(); ++seed) race(seed, GetParam());
}

// The checks above would see it.
TEST_P(EpochRace, ASealThatALatePutTakesAwayIsSeen) {
  testing::TestPartResultArray seen;
  {
    testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &seen);
    for (uint64_t seed = 0; seed < 300 && seen.size() == 0; ++seed) race(seed, GetParam(), true);
  }
  EXPECT_GT(seen.size(), 0);
  (void)base::take_log_lines(base::LogLevel::kError, "");
}

INSTANTIATE_TEST_SUITE_P(Stores, EpochRace, ::testing::Values(1, 3));

}  // namespace
}  // namespace thalweg::chunk
