// LocalReplica: the chunk log on a local disk, as one replica of write-once registers.
//
// It owns log/ below the root of the file system given: the lock, the incarnation marker, and per
// channel a set of recycled log files and the file of its SEALs (log_file_format.h,
// seal_file_format.h). The lock is taken before anything is read and held until the end, so no
// other process's write can be under way. After a write or a sync that failed the replica is dead:
// it answers reads, and no put ever again, since what the disk holds is not known any more.
//
// Only as the one replica of its channels (N = 1): chunks must carry its own incarnation, and there
// are no adopted copies. The file system outlives it; stop_and_join() comes before the end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/file_system.h"
#include "streamcore/base/random.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/chunk/channel_log.h"
#include "streamcore/chunk/chunk_replica.h"

namespace thalweg::chunk {

class LocalReplica final : public ChunkReplica {
 public:
  // Takes the lock, reads or creates the marker, and finds what the log files hold, reading chunk
  // headers only. kAlreadyExists: another process has the directory. kNotFound: there is a log but
  // no marker, or no log and `create_if_empty` is not set. kCorrupt: the marker or a file of SEALs.
  static base::Task<base::Result<std::unique_ptr<LocalReplica>>> open(base::FileSystem& files,
                                                                      base::Executor& executor,
                                                                      base::Random& random,
                                                                      LocalReplicaOptions options);

  // The same for who holds the lock itself, and longer than the replica.
  static base::Task<base::Result<std::unique_ptr<base::FileLock>>> lock(base::FileSystem& files);
  static base::Task<base::Result<std::unique_ptr<LocalReplica>>> open_locked(
      base::FileSystem& files, base::Executor& executor, base::Random& random,
      LocalReplicaOptions options);

  base::Task<base::Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override;
  base::Task<base::Result<ChunkHeader>> head(ChunkKey key) override;
  base::Task<base::Result<base::Slice>> read(ChunkKey key) override;
  base::Task<base::Result<base::Slice>> read_range(ChunkKey key, uint64_t position,
                                                   uint64_t length) override;
  base::Task<base::Result<std::vector<IndexedEntry>>> read_index(ChunkKey key) override;
  base::Task<base::Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) override;
  base::Task<base::Result<std::vector<ChunkKey>>> list(ChannelId channel,
                                                       ChannelEpoch epoch) override;
  base::Task<base::Status> make_durable() override;
  base::Task<base::Status> remove_below(ChannelId channel, ChannelEpoch epoch,
                                        ChunkSeq free_below) override;
  uint64_t ready_bytes(ChannelId channel, uint64_t longest) override;
  base::Task<base::Status> make_ready(ChannelId channel, uint64_t bytes) override;
  uint64_t incarnation() const override { return incarnation_; }

  // Ends the preparation of files in the background.
  base::Task<void> stop_and_join();

  // Epochs of the channel of which anything is here; ascending. For tools and tests.
  std::vector<ChannelEpoch> epochs(ChannelId channel) const;

 private:
  LocalReplica(base::FileSystem& files, base::Executor& executor, LocalReplicaOptions options)
      : files_(files), executor_(executor), options_(options) {}
  base::Task<base::Status> load(base::Random& random);
  base::Task<base::Status> load_incarnation(base::Random& random, bool has_log);
  base::Task<base::Status> create_incarnation(uint64_t incarnation);
  ChannelLog& log_of(ChannelId channel);
  const ChannelLog* find(ChannelId channel) const;

  base::FileSystem& files_;
  base::Executor& executor_;
  LocalReplicaOptions options_;
  std::unique_ptr<base::FileLock> lock_;  // unless the caller holds it
  uint64_t incarnation_ = 0;
  ReplicaHealth health_;
  std::map<ChannelId, std::unique_ptr<ChannelLog>> channels_;
};

}  // namespace thalweg::chunk
