// ChannelOpener: from what the last owner left to a channel this process owns (P9).
//
//   take over    the epoch left OPEN or SEALING is sealed and closed (recovery R0..R4)
//   read back    every undrained epoch's chunk indexes, then the rows of the streams in them, so
//                that the log tail has the end of every stream in the log before the first append
//                is taken; beside the last commit of the takeover
//   open         the row becomes OPEN under a new epoch, appended to the undrained list; that is a
//                CAS
//
// Draining is not part of it, unless the list of undrained epochs is full.
#pragma once

#include <vector>

#include "streamcore/base/random.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/log_ahead.h"
#include "streamcore/channel/log_tail.h"
#include "streamcore/channel/replica_succession.h"
#include "streamcore/channel/stream_table.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/chunk/recovery.h"
#include "streamcore/options.h"

namespace thalweg::channel {

// What metadata say of a channel that was opened before.
struct KnownChannel {
  ChannelRow row;
  ReplicaSuccession succession;
};

class ChannelOpener final : chunk::EpochAuthority {
 public:
  struct Parts {
    base::Executor& executor;
    base::Random& random;
    metadata::MetadataStore& metadata;
    std::vector<chunk::ChunkReplica*> replicas;
    StreamTable& streams;
    LogTail& tail;
    OwnedChannelRow& row;
    const StreamStoreOptions& options;
    base::TaskGroup&
        stragglers;   // requests that a slow replica answers after the others (recovery)
    LogAhead* ahead;  // null: nothing was read ahead
  };
  explicit ChannelOpener(Parts parts) : parts_(std::move(parts)) {}

  // Takes over and reads back. Afterwards the row is CLOSED and ours, and its undrained epochs are
  // in the log tail. The row is asked for unless it is known; if it changed since, kFenced.
  base::Task<base::Status> take_over(std::optional<KnownChannel> known);
  // True if open() would exceed the bound on undrained epochs: drain first.
  bool must_drain() const;
  base::Task<base::Status> open();

 private:
  // The recovery's view of the row (R1, R4).
  base::Task<base::Result<ChunkSeq>> start_sealing() override;
  base::Task<base::Status> close(ChunkSeq end) override;

  base::Task<base::Status> commit_row(ChannelRow row, metadata::Transaction transaction = {});
  // The replicas are those the row names, or a quorum of them is (P8); they are bound to be. A
  // new channel needs all of its replicas. kCorrupt, kUnavailable.
  base::Task<base::Status> check_replicas();
  base::Task<base::Status> find_row();
  base::Task<base::Status> load_succession();
  base::Task<base::Status> check_new_replicas();
  base::Status not_the_log(base::ErrorCode code, const std::string& message) const;
  // Of the epoch to open: a replica that is not there keeps its place.
  std::vector<uint64_t> incarnations() const;
  using Index = base::Result<std::vector<chunk::IndexedEntry>>;
  struct ReadChunk {
    chunk::ChunkKey key;
    Index index;
  };
  // The log of these epochs becomes the tail.
  base::Task<base::Status> read_back(std::vector<UndrainedEpoch> epochs);
  base::Task<void> read_indexes(std::vector<ReadChunk>& chunks);
  base::Task<void> read_index(ReadChunk& chunk, base::Semaphore& turns);
  // All that are in the chunks; they stay in memory for as long as they are held.
  base::Task<base::Result<std::vector<StreamUse>>> load_streams(
      const std::vector<ReadChunk>& chunks);
  base::Task<void> load_stream(StreamId id, base::Semaphore& turns, std::vector<StreamUse>& streams,
                               base::Status& outcome);
  void push_to_tail(ReadChunk chunk);

  Parts parts_;
  ReplicaSuccession succession_;
  std::vector<uint64_t> newest_;  // of the row's incarnations: the stores that have their places
  std::optional<std::string> found_;  // the row's bytes as they are in metadata
};

}  // namespace thalweg::channel
