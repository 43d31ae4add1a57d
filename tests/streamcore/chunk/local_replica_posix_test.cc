// The local log on a real disk: the same code the simulator runs, over real files.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/posix_file_system.h"
#include "streamcore/chunk/chunk_owner.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/chunk/recovery.h"
#include "tests/streamcore/base/loop_executor.h"
#include "tests/streamcore/base/temp_directory.h"

namespace thalweg::chunk {
namespace {

using base::Result;
using base::Status;
using base::Task;

constexpr ChannelId kChannel(1);
constexpr ChannelEpoch kEpoch(1);
constexpr LocalReplicaOptions kOptions{.file_bytes = 1 << 20, .usual_chunk_bytes = 256 << 10};

class Listener final : public OwnerListener {
 public:
  void on_durable(ChunkSeq durable_end) override { end = durable_end; }
  void on_stopped(base::Error) override { stopped = true; }
  ChunkSeq end;
  bool stopped = false;
};

class OneRow final : public EpochAuthority {
 public:
  Task<Result<ChunkSeq>> start_sealing() override { co_return free_below; }
  Task<Status> close(ChunkSeq) override { co_return Status(); }
  ChunkSeq free_below;
};

std::string payload_of(ChunkSeq seq) {
  return std::string(1 + seq.value * 7919 % 200'000, static_cast<char>('a' + seq.value % 26));
}

class LocalReplicaOnDisk : public ::testing::Test {
 protected:
  void start() {
    files = base::PosixFileSystem::open(directory.path(), executor, {}).value();
    auto opened = executor.run(LocalReplica::open(*files, executor, random, kOptions));
    ASSERT_TRUE(opened) << opened.error().message;
    replica = std::move(*opened);
  }
  void stop() {
    executor.run(replica->stop_and_join());
    replica.reset();
    files.reset();
  }
  void append(uint64_t count) {
    Listener listener;
    ChunkOwner owner(executor, {replica.get()},
                     {.channel = kChannel,
                      .epoch = kEpoch,
                      .incarnations = {replica->incarnation()},
                      .nonce = random.next()},
                     listener);
    while (listener.end < ChunkSeq(count) && !listener.stopped) {
      if (owner.next_seq() == ChunkSeq(count) || !owner.may_create()) {
        executor.run_one();
        continue;
      }
      const std::string payload = payload_of(owner.next_seq());
      const size_t length = ChunkBuilder::bytes_needed(payload.size());
      ASSERT_TRUE(executor.run(replica->make_ready(kChannel, length)));
      ChunkBuilder builder(base::Buffer::allocate(length));
      builder.add({.stream = StreamId(3),
                   .base = Offset(owner.next_seq().value),
                   .count = 1,
                   .length = static_cast<uint32_t>(payload.size())},
                  base::as_bytes(payload));
      owner.submit(builder.finish(owner.next_ids(), owner.durable_end()));
    }
    EXPECT_FALSE(listener.stopped);
    executor.run(owner.stop_and_join());
  }

  base::TempDirectory directory;
  base::LoopExecutor executor;
  base::SeededRandom random{1};
  std::unique_ptr<base::PosixFileSystem> files;
  std::unique_ptr<LocalReplica> replica;
};

TEST_F(LocalReplicaOnDisk, AnEpochIsAppendedRecoveredReadAndRemoved) {
  start();
  append(60);
  stop();
  start();
  OneRow row;
  const auto epoch = executor.run(recover_epoch(executor, {replica.get()},
                                                {.channel = kChannel,
                                                 .epoch = kEpoch,
                                                 .incarnations = {replica->incarnation()},
                                                 .sealer_nonce = 5},
                                                row));
  ASSERT_TRUE(epoch) << epoch.error().message;
  EXPECT_EQ(epoch->end, ChunkSeq(60));
  for (const ChunkKey& key : epoch->keys()) {
    const auto view = executor.run(read_chunk_view({replica.get()}, key));
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(base::as_chars(view->entries().at(0).payload), payload_of(key.seq));
  }
  ASSERT_TRUE(executor.run(replica->remove_below(kChannel, kEpoch, epoch->end)));
  const auto left = executor.run(replica->list(kChannel, kEpoch)).value();
  ASSERT_FALSE(left.empty()) << "its SEALs";
  EXPECT_EQ(left.front().seq, epoch->end);
  stop();
}

TEST_F(LocalReplicaOnDisk, TheDirectoryIsLockedWhileItIsOpen) {
  start();
  const auto second = base::PosixFileSystem::open(directory.path(), executor, {}).value();
  EXPECT_EQ(executor.run(LocalReplica::open(*second, executor, random, kOptions)).error().code,
            base::ErrorCode::kAlreadyExists);
  stop();
}

}  // namespace
}  // namespace thalweg::chunk
