// Plants: known bugs, each put around one part of a process, so that a run proves that the workload
// would see it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "streamcore/base/file_system.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/entry_rules.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::sim {

enum class Plant {
  kNone,
  kNoFsync,          // the log's syncs do nothing
  kAckBeforeFsync,   // a chunk counts as written before it is
  kBadCrcIsEnd,      // recovery takes the first damaged chunk for the end of the log
  kEpochForgotten,   // opening drops the oldest undrained epoch from the channel's row
  kAnnotationAhead,  // annotations hold what was appended, not what their range holds
  kRefusalEarly,     // an append is refused by what is not durable yet, and this is told
  // With the log in three zones:
  kQuorumOfOne,       // a chunk counts as held by one zone before it is
  kEmptiedVotes,      // a zone that lost everything has its marker back
  kUnconditionalPut,  // the zones replace what is there
  // With two owners:
  kTakerDoesNotWait,  // a lease is taken from whoever has it
  kPauseNotCounted,   // the lease's clock stands still with its process
  kReadUnproven,      // where a stream ends is told without a proof of ownership
};

// "no-fsync" and so on; nothing for an unknown name.
std::optional<Plant> plant_named(std::string_view name);

// The wrappers of one process. Those that its plant does not need are the parts themselves.
class Planted {
 public:
  Planted(Plant plant, base::Executor& executor);
  ~Planted();

  base::FileSystem& wrap(base::FileSystem& files);
  chunk::ChunkReplica& wrap(chunk::ChunkReplica& replica);
  chunk::ChunkReplica& wrap_zone(chunk::ChunkReplica& replica, size_t zone);
  metadata::MetadataStore& wrap(metadata::MetadataStore& metadata);
  metadata::MetadataStore& wrap_for_lease(metadata::MetadataStore& metadata);
  const EntryRules& wrap(const EntryRules& rules);
  // Before the parts go.
  void drop_frames() { frames_.reset(); }

 private:
  const Plant plant_;
  std::unique_ptr<base::FileSystem> files_;
  std::unique_ptr<chunk::ChunkReplica> replica_;
  std::unique_ptr<metadata::MetadataStore> metadata_;
  std::unique_ptr<EntryRules> rules_;
  std::unique_ptr<base::TaskGroup> frames_;
};

}  // namespace thalweg::sim
