// ChannelLog: the registers of one channel in a LocalReplica: which chunk lies where, which files
// have room, what is sealed. Chunks of a channel are written one at a time, in the order of the
// calls, each by one synced write of the chunk's own buffer at the place it was given when the call
// was made.
//
// A file that was there at the start is never appended to, since what lies behind its chunks is in
// doubt.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/file_system.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/chunk/log_file.h"
#include "streamcore/chunk/log_file_pool.h"
#include "streamcore/chunk/seal_file.h"

namespace thalweg::chunk {

// What the channels of a replica share: whether it still believes its disk.
struct ReplicaHealth {
  std::string death;  // why it is dead; empty while it lives

  bool dead() const { return !death.empty(); }
  base::Error error() const { return {base::ErrorCode::kUnavailable, death}; }
};

class ChannelLog {
 public:
  ChannelLog(base::FileSystem& files, base::Executor& executor, const LocalReplicaOptions& options,
             ReplicaHealth& health, uint64_t incarnation, ChannelId channel);

  // Reads what is there. kCorrupt.
  base::Task<base::Status> load();

  // The operations of ChunkReplica; keys are of this channel and not adopted.
  base::Task<base::Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk);
  base::Result<ChunkHeader> head(ChunkKey key) const;
  base::Task<base::Result<base::Slice>> read_range(ChunkKey key, uint64_t position,
                                                   uint64_t length);
  base::Task<base::Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce);
  std::vector<ChunkKey> list(ChannelEpoch epoch) const;
  base::Task<base::Status> make_durable();
  base::Task<base::Status> remove_below(ChunkPosition floor);
  uint64_t ready_bytes(uint64_t longest) const {
    return health_.dead() ? 0 : pool_.ready_bytes(longest);
  }
  base::Task<base::Status> make_ready(uint64_t bytes);

  base::Task<void> stop_and_join() { return pool_.stop_and_join(); }
  std::vector<ChannelEpoch> epochs() const;

 private:
  using FilePtr = LogFilePool::FilePtr;

  struct Location {
    ChunkHeader header;
    FilePtr file;
    uint64_t position = 0;
    bool whole = false;  // written by this process, or validated and written again by it
  };
  struct EpochLog {
    std::map<ChunkSeq, Location> chunks;
    std::map<ChunkSeq, uint64_t> seals;  // to their nonces
    ChunkSeq max_dw;                     // of all chunks seen, removed ones too
  };

  base::Task<base::Status> load_files();
  base::Task<void> load_file(LogFileName name, base::Semaphore& turns, base::Status& outcome);
  void add_found(const FilePtr& file, const LogFileScan& scan);
  const Location* find(ChunkKey key) const;
  bool is_sealed(ChunkKey key) const;
  ChunkIds seal_ids(ChunkKey key, uint64_t nonce) const;
  // Why a register holds nothing: kNotFound, or kCorrupt if it held a durable chunk.
  base::Error absence(ChunkKey key) const;
  std::string where(const Location& location) const;

  // Between taking and giving back the turn.
  base::Task<base::Result<PutOutcome>> put_alone(ChunkKey key, base::Slice chunk,
                                                 LogFilePool::Place place);
  base::Task<base::Result<PutOutcome>> seal_alone(ChunkKey key, uint64_t sealer_nonce);
  // False if the register is empty; a chunk that is there in part is forgotten.
  base::Task<base::Result<bool>> has_whole_chunk(ChunkKey key);
  void mark_whole(ChunkKey key);
  void forget_chunk(ChunkKey key);
  base::Task<base::Status> prepare_directory();
  base::Task<base::Status> sync_everything();
  base::Error die(const base::Error& error);

  base::FileSystem& files_;
  base::Executor& executor_;
  const LocalReplicaOptions& options_;
  ReplicaHealth& health_;
  uint64_t incarnation_;
  ChannelId channel_;
  std::string directory_;
  SealFile seal_file_;
  bool directory_ready_ = false;
  std::map<ChannelEpoch, EpochLog> epochs_;
  ChunkPosition floor_;  // everything below was removed
  std::vector<DamagedRange> damaged_;
  base::Semaphore write_turn_;  // one chunk or SEAL at a time, in the order of the calls
  LogFilePool pool_;
};

}  // namespace thalweg::chunk
