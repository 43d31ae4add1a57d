#include "streamcore/chunk/local_replica.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/crc32c.h"
#include "streamcore/base/task_group.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
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
constexpr uint64_t kFileBytes = 64 << 10;
constexpr uint64_t kUsualBytes = 16 << 10;

class LocalReplicaTest : public ::testing::Test {
 protected:
  ~LocalReplicaTest() override { replica.reset(); }

  Result<std::unique_ptr<LocalReplica>> try_open() {
    return sim::run(*executor, LocalReplica::open(disk, *executor, random, options));
  }
  void open() {
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().message;
    replica = std::move(*opened);
  }
  void power_cut_and_open() {
    replica.reset();
    disk.crash(random);
    restart();
  }
  void restart() {
    replica.reset();
    executor = std::make_unique<sim::SimExecutor>();
    disk.attach(*executor);
    open();
  }
  static ChunkKey key(uint64_t seq, ChannelEpoch epoch = kEpoch) {
    return {kChannel, epoch, ChunkSeq(seq)};
  }
  static std::string payload(uint64_t seq, size_t length) {
    std::string text = "chunk " + std::to_string(seq) + " ";
    while (text.size() < length) text += text;
    return text.substr(0, length);
  }
  FinishedChunk chunk(uint64_t seq, size_t length = 100, uint64_t dw = UINT64_MAX,
                      ChannelEpoch epoch = kEpoch) {
    ChunkBuilder builder(base::Buffer::allocate(ChunkBuilder::bytes_needed(length)));
    builder.add({.stream = StreamId(3),
                 .base = Offset(seq),
                 .count = 1,
                 .length = static_cast<uint32_t>(length)},
                base::as_bytes(payload(seq, length)));
    return builder.finish({.incarnation = replica->incarnation(),
                           .channel = kChannel,
                           .epoch = epoch,
                           .seq = ChunkSeq(seq),
                           .nonce = 7},
                          ChunkSeq(std::min(dw, seq)));
  }
  Result<PutOutcome> put(const FinishedChunk& chunk) {
    return sim::run(*executor, replica->put_if_absent(key_of(chunk.header), chunk.slice()));
  }
  void put_all(uint64_t begin, uint64_t end, size_t length = 100) {
    for (uint64_t seq = begin; seq < end; ++seq) {
      const auto outcome = put(chunk(seq, length));
      ASSERT_TRUE(outcome) << outcome.error().message;
      ASSERT_EQ(*outcome, PutOutcome::kCreated);
    }
  }
  Result<ChunkView> read(uint64_t seq, ChannelEpoch epoch = kEpoch) {
    auto bytes = sim::run(*executor, replica->read(key(seq, epoch)));
    if (!bytes) return std::unexpected(bytes.error());
    return ChunkView::open(*bytes);
  }
  void expect_chunks(uint64_t begin, uint64_t end) {
    std::vector<ChunkKey> expected;
    for (uint64_t seq = begin; seq < end; ++seq) expected.push_back(key(seq));
    EXPECT_EQ(list(), expected);
    for (uint64_t seq = begin; seq < end; ++seq) {
      const auto view = read(seq);
      ASSERT_TRUE(view) << view.error().message;
      const auto& entry = view->entries().at(0);
      EXPECT_EQ(base::as_chars(entry.payload), payload(seq, entry.payload.size()));
    }
  }
  std::vector<ChunkKey> list(ChannelEpoch epoch = kEpoch) {
    return sim::run(*executor, replica->list(kChannel, epoch)).value();
  }
  Result<PutOutcome> seal(uint64_t seq, ChannelEpoch epoch = kEpoch) {
    return sim::run(*executor, replica->seal(key(seq, epoch), 99));
  }
  Status remove_below(uint64_t seq, ChannelEpoch epoch = kEpoch) {
    return sim::run(*executor, replica->remove_below(kChannel, epoch, ChunkSeq(seq)));
  }
  Status make_ready(uint64_t bytes) {
    return sim::run(*executor, replica->make_ready(kChannel, bytes));
  }
  std::vector<std::string> log_files() {
    std::vector<std::string> paths;
    for (const std::string& name : sim::run(*executor, disk.list("log/00000001")).value()) {
      if (decode_log_file_name(name)) paths.push_back("log/00000001/" + name);
    }
    return paths;
  }
  // Where in which file the chunk lies.
  std::pair<std::string, uint64_t> place(uint64_t seq) {
    for (const std::string& path : log_files()) {
      const std::string content = disk.content(path);
      for (uint64_t at = 0; at + kChunkAlignment <= content.size(); at += kChunkAlignment) {
        const auto header = decode_header(base::as_bytes(content).subspan(at, kChunkAlignment));
        if (header && key_of(*header) == key(seq)) return {path, at};
      }
    }
    ADD_FAILURE() << "no chunk " << seq;
    return {};
  }

  base::SeededRandom random{1};
  std::unique_ptr<sim::SimExecutor> executor = std::make_unique<sim::SimExecutor>();
  sim::SimFileSystem disk{*executor, random};
  LocalReplicaOptions options{.file_bytes = kFileBytes,
                              .usual_chunk_bytes = kUsualBytes,
                              .spare_files_max = 2,
                              .ready_files_ahead = 0};
  std::unique_ptr<LocalReplica> replica;
};

TEST_F(LocalReplicaTest, WhatWasPutIsReadBackAfterAPowerCut) {
  open();
  const uint64_t incarnation = replica->incarnation();
  put_all(0, 50, 3000);
  power_cut_and_open();
  EXPECT_EQ(replica->incarnation(), incarnation);
  expect_chunks(0, 50);
  EXPECT_EQ(sim::run(*executor, replica->head(key(49)))->dw, ChunkSeq(49));
}

TEST_F(LocalReplicaTest, OneProcessHasTheDirectory) {
  open();
  const auto second = try_open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(second.error().message, "data directory is in use by another process");
}

TEST_F(LocalReplicaTest, ALogWithoutItsMarkerIsRefused) {
  open();
  put_all(0, 1);
  replica.reset();
  ASSERT_TRUE(sim::run(*executor, disk.remove("log/incarnation")));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("incarnation marker"), std::string::npos);
}

TEST_F(LocalReplicaTest, AnEmptyDirectoryIsRefusedUnlessItMayBeCreated) {
  options.create_if_empty = false;
  EXPECT_EQ(try_open().error().code, ErrorCode::kNotFound);
}

TEST_F(LocalReplicaTest, ADamagedMarkerIsRefused) {
  open();
  replica.reset();
  disk.flip_bit("log/incarnation", 70);
  EXPECT_EQ(try_open().error().code, ErrorCode::kCorrupt);
}

TEST_F(LocalReplicaTest, AChunkLongerThanAFileGetsOneOfItsOwn) {
  open();
  put_all(0, 2);
  put_all(2, 3, 3 * kFileBytes);
  put_all(3, 5);
  power_cut_and_open();
  expect_chunks(0, 5);
  ASSERT_TRUE(remove_below(5));
  for (const std::string& path : log_files()) EXPECT_EQ(disk.content(path).size(), kFileBytes);
}

TEST_F(LocalReplicaTest, EachPutIsOneSyncedWrite) {
  open();
  ASSERT_TRUE(make_ready(kUsualBytes));
  const uint64_t before = disk.syncs();
  put_all(0, 4);
  EXPECT_EQ(disk.syncs() - before, 4u);
}

TEST_F(LocalReplicaTest, PutsInFlightTogetherLieInTheOrderOfTheCalls) {
  open();
  ASSERT_TRUE(make_ready(kUsualBytes));
  base::TaskGroup group(*executor);
  struct Putter {
    static Task<void> run(LocalReplica& replica, FinishedChunk chunk) {
      EXPECT_TRUE(co_await replica.put_if_absent(key_of(chunk.header), chunk.slice()));
    }
  };
  for (uint64_t seq = 0; seq < 5; ++seq) group.spawn(Putter::run(*replica, chunk(seq)));
  executor->run_until_idle();
  for (uint64_t seq = 0; seq < 5; ++seq) EXPECT_EQ(place(seq).second, seq * 4096);
}

TEST_F(LocalReplicaTest, FilesWithoutChunksAreUsedAgain) {
  open();
  for (uint64_t seq = 0; seq < 400; ++seq) {
    put_all(seq, seq + 1, 3000);
    if (seq % 20 == 19) ASSERT_TRUE(remove_below(seq - 5));
  }
  EXPECT_LE(log_files().size(), 6u);
  expect_chunks(394, 400);
}

TEST_F(LocalReplicaTest, ARecycledFileNeverShowsChunksOfItsOlderUse) {
  open();
  put_all(0, 64);  // four files
  ASSERT_TRUE(remove_below(64));
  put_all(64, 67);
  restart();
  // Spare files show what was removed until it is removed again; the file used again shows nothing.
  for (const ChunkKey& found : list()) EXPECT_GE(found.seq, ChunkSeq(16));
  const auto [path, position] = place(66);
  const std::string content = disk.content(path);
  EXPECT_TRUE(decode_header(base::as_bytes(content).subspan(position + 4096, 4096)))
      << "an older chunk lies right behind the newest";
  ASSERT_TRUE(remove_below(64));
  expect_chunks(64, 67);
}

TEST_F(LocalReplicaTest, AFileBeingReadIsNotUsedAgain) {
  open();
  put_all(0, 16);  // fills one file
  put_all(16, 17);
  const std::string path = place(0).first;
  std::optional<Result<base::Slice>> slice;
  struct Reader {
    static Task<void> run(LocalReplica& replica, std::optional<Result<base::Slice>>& out) {
      out.emplace(co_await replica.read(key(15)));
    }
  };
  disk.set_latency(1s, 1s);
  base::TaskGroup group(*executor);
  group.spawn(Reader::run(*replica, slice));
  disk.set_latency(1us, 1us);
  ASSERT_TRUE(remove_below(16));
  put_all(17, 40);
  EXPECT_FALSE(slice);
  EXPECT_TRUE(disk.exists(path));
  executor->run_until_idle();
  ASSERT_TRUE(slice && *slice);
  EXPECT_EQ(ChunkView::open(**slice)->header().seq, ChunkSeq(15));
  put_all(40, 60);
  EXPECT_FALSE(disk.exists(path)) << "renamed for its next use";
}

TEST_F(LocalReplicaTest, AFailedSyncIsADeadReplicaThatStillReads) {
  open();
  put_all(0, 2);
  disk.fail_next_sync();
  EXPECT_EQ(put(chunk(2)).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(put(chunk(2)).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(seal(2).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(make_ready(1).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(replica->ready_bytes(kChannel, 0), 0u);
  expect_chunks(0, 2);
  base::expect_error_line("the local log is dead");
}

TEST_F(LocalReplicaTest, AChunkWhoseSyncFailedIsWrittenAgainBeforeItCounts) {
  open();
  for (uint64_t seq = 0; seq < 20; ++seq) {
    put_all(seq, seq + 1);
    disk.fail_next_sync();
    EXPECT_FALSE(put(chunk(++seq)));
    restart();  // no power cut: what the disk lost can still be read
    ASSERT_TRUE(sim::run(*executor, replica->make_durable()));
    ASSERT_EQ(*seal(seq), PutOutcome::kExists);
    power_cut_and_open();
    ASSERT_TRUE(read(seq)) << seq;
  }
  base::expect_error_line("the local log is dead");
}

TEST_F(LocalReplicaTest, AFileWhoseMakingWasInterruptedIsRemovedByTheNextStart) {
  struct Maker {
    static Task<void> run(LocalReplica& replica) {
      (void)co_await replica.make_ready(kChannel, kUsualBytes);
    }
  };
  open();
  ASSERT_TRUE(seal(0, ChannelEpoch(1)));
  {
    base::TaskGroup group(*executor);
    const uint64_t syncs = disk.syncs();
    disk.fail_next_sync();
    group.spawn(Maker::run(*replica));
    while (disk.syncs() == syncs) ASSERT_TRUE(executor->step());
  }
  // The process dies before it hears of the failure: the file's size is lost, yet can be seen.
  const auto names = sim::run(*executor, disk.list("log/00000001")).value();
  EXPECT_EQ(names.size(), 2u);
  EXPECT_TRUE(names.front().ends_with(kUnpreparedSuffix)) << names.front();
  EXPECT_TRUE(log_files().empty());
  restart();
  EXPECT_FALSE(disk.exists("log/00000001/" + names.front()));
}

TEST_F(LocalReplicaTest, ASealWhoseSyncFailedIsWrittenAgainBeforeTheNext) {
  open();
  ASSERT_TRUE(seal(0));
  for (uint64_t seq = 1; seq < 20; ++seq) {
    disk.fail_next_sync();
    EXPECT_FALSE(seal(seq));
    restart();
    ASSERT_TRUE(seal(++seq));
    power_cut_and_open();
    ASSERT_EQ(list().size(), seq + 1);
  }
  base::expect_error_line("the local log is dead");
}

TEST_F(LocalReplicaTest, NothingIsDecidedAboveAFileThatCannotBeMadeDurable) {
  open();
  put_all(0, 2);
  restart();
  disk.fail_next_sync();
  EXPECT_FALSE(sim::run(*executor, replica->make_durable()));
  EXPECT_EQ(seal(2).error().code, ErrorCode::kUnavailable);
  base::expect_error_line("the local log is dead");
}

TEST_F(LocalReplicaTest, SpaceThatIsReadyIsEnoughForUsualChunksHoweverTheyFall) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    random = base::SeededRandom(seed);
    sim::SimFileSystem fresh(*executor, random);
    auto opened =
        sim::run(*executor, LocalReplica::open(fresh, *executor, random, options)).value();
    replica = std::move(opened);
    ASSERT_TRUE(make_ready(300'000));
    uint64_t ready = replica->ready_bytes(kChannel, 0);
    EXPECT_GE(ready, 300'000u);
    fresh.set_full(true);
    for (uint64_t seq = 0;; ++seq) {
      const FinishedChunk next = chunk(seq, random.below(kUsualBytes - 400));
      if (next.length > replica->ready_bytes(kChannel, 0)) break;
      const auto outcome = put(next);
      ASSERT_TRUE(outcome) << outcome.error().message;
      ready -= next.length;
      EXPECT_GE(replica->ready_bytes(kChannel, 0),
                std::min(ready, replica->ready_bytes(kChannel, 0)));
    }
    replica.reset();
  }
}

TEST_F(LocalReplicaTest, SpaceForALongChunkIsCountedInOneFile) {
  open();
  ASSERT_TRUE(make_ready(kFileBytes));
  ASSERT_TRUE(make_ready(2 * kFileBytes - kUsualBytes));
  const uint64_t longest = replica->ready_bytes(kChannel, kUsualBytes + 1);
  EXPECT_LT(longest, replica->ready_bytes(kChannel, kUsualBytes));
  disk.set_full(true);
  const FinishedChunk fits = chunk(0, longest - kChunkAlignment);
  ASSERT_LE(fits.length, longest);
  EXPECT_TRUE(put(fits));
}

TEST_F(LocalReplicaTest, AMarkerThatADeadProcessDidNotSyncIsDurableBeforeThereIsALog) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    base::SeededRandom fate(seed);
    sim::SimExecutor first;
    sim::SimFileSystem disk(first, fate);
    // One process dies while it makes the marker, the next while it makes the log.
    first.stop_at_step(seed % 30);
    {
      auto made = sim::try_run(first, LocalReplica::open(disk, first, fate, options));
    }
    sim::SimExecutor second;
    disk.attach(second);
    auto found = sim::try_run(second, LocalReplica::open(disk, second, fate, options));
    ASSERT_TRUE(found && *found) << seed;
    second.stop_at_step(second.steps() + fate.below(8));
    (void)sim::try_run(second, (**found)->make_ready(kChannel, kUsualBytes));
    found.reset();
    disk.crash(fate);
    sim::SimExecutor third;
    disk.attach(third);
    auto opened = sim::run(third, LocalReplica::open(disk, third, fate, options));
    EXPECT_TRUE(opened) << seed << ": " << opened.error().message;
  }
}

TEST_F(LocalReplicaTest, AChunkOfANewerVersionStopsTheStartAndNothingIsTouched) {
  open();
  put_all(0, 3);
  ASSERT_TRUE(seal(3));
  const auto [path, at] = place(1);
  const std::string before = disk.content(path);
  replica.reset();
  const auto file = sim::run(*executor, disk.open(path, {})).value();
  std::string header = before.substr(at, kChunkHeaderBytes);
  header[4] = 3;
  const uint32_t crc = base::crc32c(base::as_bytes(header).first(kChunkHeaderBytes - 4));
  std::memcpy(header.data() + kChunkHeaderBytes - 4, &crc, sizeof(crc));
  ASSERT_TRUE(sim::run(*executor, file->write_at({base::as_bytes(header)}, at, true)));
  const auto unprepared = sim::run(
      *executor, disk.open("log/00000001/x" + std::string(kUnpreparedSuffix), {.create = true}));
  ASSERT_TRUE(unprepared);
  const uint64_t sites = disk.write_sites();
  const uint64_t syncs = disk.syncs();
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(opened.error().message.find("version 3"), std::string::npos) << opened.error().message;
  EXPECT_EQ(disk.write_sites(), sites);
  EXPECT_EQ(disk.syncs(), syncs);
  EXPECT_TRUE(disk.exists("log/00000001/x" + std::string(kUnpreparedSuffix)));
}

TEST_F(LocalReplicaTest, AFullDiskIsKnownBeforeAChunkIsWritten) {
  open();
  ASSERT_TRUE(make_ready(kUsualBytes));
  disk.set_full(true);
  EXPECT_EQ(make_ready(10 * kFileBytes).error().code, ErrorCode::kNoSpace);
  put_all(0, 12);
  disk.set_full(false);
  ASSERT_TRUE(make_ready(10 * kFileBytes));
  put_all(12, 13, 9 * kFileBytes);
  expect_chunks(0, 13);
}

TEST_F(LocalReplicaTest, AFullDiskStillStartsSealsAndReads) {
  open();
  put_all(0, 30);
  disk.set_full(true);
  restart();
  EXPECT_EQ(*seal(30), PutOutcome::kCreated);
  ASSERT_TRUE(sim::run(*executor, replica->make_durable()));
  ASSERT_TRUE(remove_below(16));
  EXPECT_TRUE(make_ready(kUsualBytes)) << "a freed file serves again";
}

TEST_F(LocalReplicaTest, SealsAreWriteOnceAndSurvivePowerCuts) {
  open();
  put_all(0, 1);
  EXPECT_EQ(*seal(0), PutOutcome::kExists);
  EXPECT_EQ(*seal(1), PutOutcome::kCreated);
  EXPECT_EQ(*seal(1), PutOutcome::kExists);
  power_cut_and_open();
  EXPECT_EQ(*put(chunk(1)), PutOutcome::kExists);
  const auto header = sim::run(*executor, replica->head(key(1)));
  EXPECT_EQ(header->kind, ChunkKind::kSeal);
  EXPECT_EQ(header->nonce, 99u);
  EXPECT_EQ(read(1)->header().kind, ChunkKind::kSeal);
}

TEST_F(LocalReplicaTest, ALongFileOfSealsIsRewrittenWithTheEndOfEachEpoch) {
  open();
  disk.set_latency(1us, 1us);
  for (uint64_t epoch = 1; epoch * 40 <= kSealsKept + 40; ++epoch) {
    for (uint64_t seq = 10; seq < 50; ++seq) ASSERT_TRUE(seal(seq, ChannelEpoch(epoch)));
  }
  const size_t before = disk.content("log/00000001/seals").size();
  restart();
  EXPECT_LT(disk.content("log/00000001/seals").size(), before / 10);
  power_cut_and_open();
  for (uint64_t epoch = 1; epoch * 40 <= kSealsKept + 40; ++epoch) {
    EXPECT_EQ(list(ChannelEpoch(epoch)), std::vector<ChunkKey>{key(10, ChannelEpoch(epoch))});
  }
  EXPECT_EQ(*seal(3, ChannelEpoch(999)), PutOutcome::kCreated);
  restart();
  EXPECT_EQ(list(ChannelEpoch(999)).size(), 1u);
}

TEST_F(LocalReplicaTest, ATornTailGivesWayToASeal) {
  open();
  put_all(0, 3, 9000);
  const auto [path, position] = place(2);
  disk.flip_bit(path, (position + 5000) * 8);
  restart();
  EXPECT_EQ(list().size(), 3u) << "its header is whole";
  EXPECT_EQ(*seal(2), PutOutcome::kCreated);
  EXPECT_EQ(*seal(1), PutOutcome::kExists);
  EXPECT_EQ(sim::run(*executor, replica->head(key(2)))->kind, ChunkKind::kSeal);
  restart();
  EXPECT_EQ(sim::run(*executor, replica->head(key(2)))->kind, ChunkKind::kSeal);
}

TEST_F(LocalReplicaTest, ADamagedBodyBelowAWatermarkIsCorruptionNotATear) {
  open();
  put_all(0, 4, 9000);
  const auto [path, position] = place(1);
  disk.flip_bit(path, (position + 5000) * 8);
  restart();
  const auto sealed = seal(1);
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(sealed.error().message.find(path + " at " + std::to_string(position)),
            std::string::npos)
      << sealed.error().message;
  EXPECT_EQ(read(1).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(read(2));
}

TEST_F(LocalReplicaTest, ADamagedHeaderHidesNoChunkBehindIt) {
  open();
  put_all(0, 6, 9000);
  const auto [path, position] = place(1);
  disk.flip_bit(path, position * 8 + 200);
  restart();
  EXPECT_EQ(list().size(), 5u);
  const auto header = sim::run(*executor, replica->head(key(1)));
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(header.error().message.find(path + " at " + std::to_string(position)),
            std::string::npos)
      << header.error().message;
  EXPECT_EQ(seal(1).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(read(5));
}

TEST_F(LocalReplicaTest, ReadyFilesArePreparedInTheBackground) {
  options.ready_files_ahead = 2;
  open();
  put_all(0, 1);
  executor->run_until_idle();
  put_all(1, 13);
  executor->run_until_idle();
  EXPECT_GE(log_files().size(), 2u);
  sim::run(*executor, replica->stop_and_join());
  put_all(13, 14);
}

}  // namespace
}  // namespace thalweg::chunk
