// A process appends to a local log through an owner, offloads, and loses its power at any step,
// over and over. Nothing that was acknowledged and not yet offloaded is ever lost, torn tails end
// an epoch, and damage is never taken for one.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/log.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_owner.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/chunk/recovery.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::chunk {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;

constexpr ChannelId kChannel(1);

// What survives every crash: the channel's row, and what clients were told.
struct EpochRow {
  ChunkSeq free_below;
  std::optional<ChunkSeq> end;
  ChunkSeq acked;  // clients know of everything below
};
using Rows = std::map<ChannelEpoch, EpochRow>;

class RowAuthority final : public EpochAuthority {
 public:
  explicit RowAuthority(EpochRow& row) : row_(row) {}
  Task<Result<ChunkSeq>> start_sealing() override { co_return row_.free_below; }
  Task<Status> close(ChunkSeq end) override {
    row_.end = end;
    co_return Status();
  }

 private:
  EpochRow& row_;
};

std::string payload_of(ChannelEpoch epoch, ChunkSeq seq) {
  base::SeededRandom random(epoch.value * 1'000'003 + seq.value);
  std::string payload(random.below(30'000), 'x');
  for (size_t at = 0; at + 8 <= payload.size(); at += 512) {
    const uint64_t word = random.next();
    std::memcpy(payload.data() + at, &word, 8);  // each sector is another
  }
  return payload;
}

// One life of the process, from a start to a crash.
class Life final : public OwnerListener {
 public:
  Life(sim::SimFileSystem& disk, base::Random& random, Rows& rows)
      : disk_(disk), random_(random), rows_(rows), work_(executor) {
    disk_.attach(executor);
  }
  sim::SimExecutor executor;
  std::optional<base::Error> error;  // of the start

  void begin() { work_.spawn(live()); }
  ChunkReplica* replica() { return replica_.get(); }

  Task<void> live() {
    auto opened = co_await LocalReplica::open(
        disk_, executor, random_,
        {.file_bytes = 96 << 10, .usual_chunk_bytes = 36 << 10, .spare_files_max = 2});
    if (!opened) {
      error = opened.error();
      co_return;
    }
    replica_ = std::move(*opened);
    const Status recovered = co_await recover_all();
    if (!recovered) {
      error = recovered.error();
      co_return;
    }
    co_await append();
  }

  void on_durable(ChunkSeq durable_end) override { rows_[epoch_].acked = durable_end; }
  void on_stopped(base::Error) override {}

 private:
  Task<Status> recover_all() {
    std::vector<ChannelEpoch> epochs;
    for (const auto& [epoch, row] : rows_) epochs.push_back(epoch);
    for (const ChannelEpoch epoch : epochs) {
      EpochRow& row = rows_[epoch];
      if (!row.end) {
        RowAuthority authority(row);
        const RecoveryOptions options{.channel = kChannel,
                                      .epoch = epoch,
                                      .incarnations = {replica_->incarnation()},
                                      .sealer_nonce = random_.next()};
        CO_TRY(co_await recover_epoch(executor, {replica_.get()}, options, authority));
        EXPECT_GE(*row.end, row.acked);  // I1
      }
      for (ChunkSeq seq = row.free_below; seq < *row.end; ++seq) {
        CO_TRY(co_await check_chunk(epoch, seq));
      }
      if (random_.below(3) == 0) co_return Status();  // drained another time
      row.free_below = *row.end;
      CO_TRY(co_await replica_->remove_below(kChannel, epoch, row.free_below));
      for (const ChunkKey& key : CO_TRY(co_await replica_->list(kChannel, epoch))) {
        EXPECT_GE(key.seq, row.free_below);
      }
      rows_.erase(epoch);
    }
    co_return Status();
  }
  Task<Status> check_chunk(ChannelEpoch epoch, ChunkSeq seq) {
    const ChunkView view =
        CO_TRY(co_await read_chunk_view({replica_.get()}, {kChannel, epoch, seq}));
    EXPECT_EQ(base::as_chars(view.entries().at(0).payload), payload_of(epoch, seq));
    co_return Status();
  }

  Task<void> append() {
    epoch_ = ChannelEpoch(++last_epoch);
    rows_[epoch_] = {};
    owner_ = std::make_unique<ChunkOwner>(executor, std::vector<ChunkReplica*>{replica_.get()},
                                          OwnerOptions{.channel = kChannel,
                                                       .epoch = epoch_,
                                                       .incarnations = {replica_->incarnation()},
                                                       .nonce = random_.next(),
                                                       .window = 4},
                                          *this);
    while (!owner_->stopped()) {
      const std::string payload = payload_of(epoch_, owner_->next_seq());
      const size_t length = ChunkBuilder::bytes_needed(payload.size());
      if (replica_->ready_bytes(kChannel, 0) < length) {
        if (!co_await replica_->make_ready(kChannel, length)) co_return;
      }
      if (!owner_->may_create()) break;  // it stopped meanwhile
      ChunkBuilder builder(base::Buffer::allocate(length));
      builder.add({.stream = StreamId(3),
                   .base = Offset(owner_->next_seq().value),
                   .count = 1,
                   .length = static_cast<uint32_t>(payload.size())},
                  base::as_bytes(payload));
      owner_->submit(builder.finish(owner_->next_ids(), owner_->durable_end()));
      while (!owner_->stopped() && !owner_->may_create()) co_await pause();
      if (random_.below(3) == 0) co_await pause();
      if (random_.below(8) == 0) co_await offload();
    }
  }
  Task<void> offload() {
    EpochRow& row = rows_[epoch_];
    if (row.acked == row.free_below || rows_.begin()->first != epoch_) co_return;
    row.free_below += 1 + random_.below(row.acked - row.free_below);
    (void)co_await replica_->remove_below(kChannel, epoch_, row.free_below);
  }
  base::Duration some_time() { return std::chrono::microseconds(100 + random_.below(3000)); }
  Task<void> pause() { co_await base::sleep_for(executor, some_time()); }

 public:
  static inline uint64_t last_epoch = 0;

 private:
  sim::SimFileSystem& disk_;
  base::Random& random_;
  Rows& rows_;
  std::unique_ptr<LocalReplica> replica_;
  std::unique_ptr<ChunkOwner> owner_;
  ChannelEpoch epoch_;
  base::TaskGroup work_;  // its frames use everything above
};

class LogCrash : public ::testing::Test {
 protected:
  void SetUp() override { Life::last_epoch = 0; }
};

void crash_and_recover(uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Life::last_epoch = 0;
  base::SeededRandom random(seed);
  sim::SimExecutor first;
  sim::SimFileSystem disk(first, random);
  Rows rows;
  bool bad_disk = false;  // a failure may wait for a later life's first sync
  for (int round = 0; round < 8; ++round) {
    Life life(disk, random, rows);
    life.begin();
    const uint64_t steps = random.below(round % 2 == 0 ? 1500 : 150);
    bad_disk = bad_disk || random.below(10) == 0;
    for (uint64_t step = 0; step < steps && !life.error; ++step) {
      if (bad_disk && round < 6 && step == steps / 2) disk.fail_next_sync();
      if (!life.executor.step()) break;
    }
    const bool expected = bad_disk && life.error && life.error->code == ErrorCode::kUnavailable;
    if (life.error && !expected) FAIL() << life.error->message;
    if (random.below(4) != 0) disk.crash(random);  // else only the process dies
  }
  // Without further trouble a life goes on; the last armed failure may need one of its own.
  for (int attempt = 0;; ++attempt) {
    Life life(disk, random, rows);
    life.begin();
    for (int step = 0; step < 1500 && !life.error; ++step) life.executor.step();
    if (!life.error) return;
    if (attempt == 1 || !bad_disk) FAIL() << life.error->message;
  }
}

TEST_F(LogCrash, NothingAcknowledgedIsLostWhereverThePowerGoes) {
  for (uint64_t seed = 0; seed < 60 && !HasFailure(); ++seed) crash_and_recover(seed);
  base::expect_error_line("the local log is dead");  // of the seeds in which a sync failed
}

TEST_F(LogCrash, ADamagedBitBelowTheWatermarkIsAlwaysReported) {
  for (uint64_t seed = 0; seed < 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::SeededRandom random(seed);
    sim::SimExecutor first;
    sim::SimFileSystem disk(first, random);
    Rows rows;
    std::string path;
    uint64_t position = 0;
    {
      Life life(disk, random, rows);
      life.begin();
      while (rows.empty() || rows.begin()->second.acked < ChunkSeq(12)) {
        ASSERT_TRUE(life.executor.step());
      }
    }
    disk.crash(random);
    // Any chunk that a later one's watermark covers.
    const auto& [epoch, row] = *rows.begin();
    if (row.free_below >= ChunkSeq(7)) continue;
    const ChunkSeq victim = row.free_below + random.below(ChunkSeq(7) - row.free_below);
    const auto names = sim::run(
        first,
        [](sim::SimFileSystem& d, sim::SimExecutor& e) -> Task<Result<std::vector<std::string>>> {
          d.attach(e);
          co_return co_await d.list("log/00000001");
        }(disk, first));
    for (const std::string& name : *names) {
      const std::string content = disk.content("log/00000001/" + name);
      for (uint64_t at = 0; at + 4096 <= content.size(); at += 4096) {
        const auto header = decode_header(base::as_bytes(content).subspan(at, 4096));
        if (header && header->kind == ChunkKind::kChunk &&
            key_of(*header) == ChunkKey{kChannel, epoch, victim}) {
          path = "log/00000001/" + name;
          position = at * 8 + random.below(header->total_length * 8);
        }
      }
    }
    ASSERT_FALSE(path.empty());
    disk.flip_bit(path, position);
    Life life(disk, random, rows);
    life.begin();
    while (!life.error && life.executor.now() < base::TimePoint(std::chrono::seconds(20))) {
      ASSERT_TRUE(life.executor.step());
    }
    ASSERT_TRUE(life.error) << "the damage of chunk " << victim.value << " went unseen";
    EXPECT_EQ(life.error->code, ErrorCode::kCorrupt) << life.error->message;
  }
  base::expect_error_line("corrupt");
  base::expect_error_line("is missing");
}

}  // namespace
}  // namespace thalweg::chunk
