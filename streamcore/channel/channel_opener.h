// ChannelOpener: from what the last owner left to a channel this process owns (P9).
//
//   take over    the epoch left OPEN or SEALING is sealed and closed (recovery R0..R4)
//   read back    every undrained epoch's chunk indexes become the log tail; then the stream rows
//                are read, so that the tail of every stream in the log is known before the first
//                append is taken
//   open         the row becomes OPEN under a new epoch, appended to the undrained list; that is a
//                CAS
//
// Draining is not part of it, unless the list of undrained epochs is full.
#pragma once

#include <vector>

#include "streamcore/base/random.h"
#include "streamcore/base/task_group.h"
#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/log_tail.h"
#include "streamcore/channel/stream_table.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/chunk/recovery.h"
#include "streamcore/options.h"

namespace thalweg::channel {

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
        stragglers;  // requests that a slow replica answers after the others (recovery)
  };
  explicit ChannelOpener(Parts parts) : parts_(std::move(parts)) {}

  // Takes over and reads back. Afterwards the row is CLOSED and ours, and its undrained epochs are
  // in the log tail.
  base::Task<base::Status> take_over();
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
  base::Task<base::Status> check_new_replicas();
  base::Status not_the_log(base::ErrorCode code, const std::string& message) const;
  // Of the epoch to open: a replica that is not there keeps its place.
  std::vector<uint64_t> incarnations() const;
  using Index = base::Result<std::vector<chunk::IndexedEntry>>;
  base::Task<base::Status> read_back(UndrainedEpoch epoch);
  base::Task<void> read_index(chunk::ChunkKey key, Index& into);
  base::Task<base::Status> index_chunk(chunk::ChunkKey key,
                                       std::vector<chunk::IndexedEntry> entries);

  Parts parts_;
  std::vector<uint64_t> newest_;  // of the row's incarnations: the stores that have their places
  std::optional<std::string> found_;  // the row's bytes as they are in metadata
};

}  // namespace thalweg::channel
