// LogAhead: indexes of the logs' chunks, read before anybody may take the logs over, so that the
// time a dead owner's lease is waited out is not lost.
//
// What a register holds never changes (P1), so what was read of one is good whenever it was read.
// Nothing else that was seen here is used: which chunks there are and which of them count is found
// out anew by whoever takes the log over (channel_opener.h), and what is missing here is read then.
// So a channel that is another's may be read, too, and an error only ends the reading.
//
// Lives on one executor; everything it is given outlives it, or its stop_and_join().
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/channel/channel_row_format.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/log_places.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::channel {

class LogAhead {
 public:
  // Of indexes, in memory: those of two million entries. The rest is read when the log is opened.
  static constexpr size_t kBytesMax = 128 << 20;

  // `classes`: whose logs are read; the others are not opened.
  LogAhead(base::Executor& executor, metadata::MetadataStore& metadata, LogPlaces& logs,
           std::vector<StorageClass> classes, size_t bytes_max = kBytesMax);

  // Opens the logs and reads until everything is read, or enough, or it is stopped.
  void start() { tasks_.spawn(read_all()); }
  // From here on others may open the logs. Does not wait for a store that does not answer a read.
  base::Task<void> stop();
  base::Task<void> stop_and_join() { return tasks_.stop_and_join(); }

  using Index = std::vector<chunk::IndexedEntry>;
  // Of a chunk that was read from replicas of one of these incarnations. Once.
  std::optional<Index> take(const chunk::ChunkKey& key, const std::vector<uint64_t>& incarnations);
  void forget() { read_.clear(); }

 private:
  struct Read {
    uint64_t incarnation;
    Index index;
  };

  // The replicas of a channel's log, as far as they are those its row names.
  using Replicas = std::vector<chunk::ChunkReplica*>;

  base::Task<void> read_all();
  base::Task<Replicas> open_log(const ChannelRow& row);
  // Of those, the chunks that a replica shows now.
  base::Task<void> read_epoch(ChannelId id, UndrainedEpoch epoch, chunk::ChunkReplica* replica);
  base::Task<void> read_one(chunk::ChunkReplica* replica, chunk::ChunkKey key);

  base::Executor& executor_;
  metadata::MetadataStore& metadata_;
  LogPlaces& logs_;
  const std::vector<StorageClass> classes_;
  const size_t bytes_max_;
  size_t bytes_ = 0;  // of all that was read
  std::map<chunk::ChunkKey, Read> read_;
  base::Event opened_;     // every log, or none will be
  base::Semaphore reads_;  // at a time
  base::TaskGroup tasks_;  // last: its frames use everything above
};

}  // namespace thalweg::channel
