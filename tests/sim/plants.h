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
#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/metadata_store.h"
#include "streamcore/object_store/object_store.h"
#include "streamcore/stream_store.h"

namespace thalweg::sim {

enum class Plant {
  kNone,
  // The log on a disk:
  kNoFsync,         // the log's syncs do nothing
  kAckBeforeFsync,  // a chunk counts as written before it is
  kSyncIgnored,     // a failed sync counts as done
  kSyncRetried,     // a failed sync is tried again, and what that says is believed
  kBadCrcIsEnd,     // recovery takes the first damaged chunk for the end of the log
  kAdoptNothing,    // recovery puts its SEAL where a chunk lies
  kFreedEarly,      // one chunk more is freed than was offloaded
  kAckOutOfOrder,   // a chunk counts as written when a later one is
  // What is known of it:
  kEpochForgotten,   // opening drops the oldest undrained epoch from the channel's row
  kAnnotationAhead,  // annotations hold what was appended, not what their range holds
  kSegmentLater,     // an offload commits before its segments are durable
  kReferenceMissed,  // an object goes while one range still names it
  // What is answered:
  kRefusalEarly,     // an append is refused by what is not durable yet, and this is told
  kTailUndurable,    // a stream is said to end where the next append will be
  kTailInEntry,      // a stream is said to end in the midst of an entry that is on its way
  kUnknownIsAcked,   // an append of unknown outcome is acknowledged
  kWaiterForgotten,  // who waits for an append is not told that the log stopped
  kTrimLater,        // a trim is answered before it is durable
  // With the log in three zones:
  kQuorumOfOne,       // a chunk counts as held by one zone before it is
  kEmptiedVotes,      // a zone that lost everything has its marker back
  kUnconditionalPut,  // the zones replace what is there
  kRecoveryOfOne,     // one zone's answer decides what another holds
  kCrcMadeAnew,       // a damaged chunk is summed again
  // With two owners:
  kTakerDoesNotWait,     // a lease is taken from whoever has it
  kPauseNotCounted,      // the lease's clock stands still with its process
  kReadUnproven,         // where a stream ends is told without a proof of ownership
  kRowsUnowned,          // rows are changed without the condition of ownership
  kUnknownIsDone,        // a put of unknown outcome is taken for done
  kExistsIsFailed,       // a chunk that is there already is taken for another's
  kEndByOneself,         // a channel's row that another changed is taken for changed by oneself
  kUnknownIsFailed,      // a put of unknown outcome is taken for one that did nothing
  kSealIsMine,           // whatever is in a chunk's register is taken for the chunk
  kSealNotWritten,       // who takes over looks at a register and puts no SEAL
  kSealsCollected,       // SEALs go once their epoch is closed
  kBoundaryIgnored,      // what was collected from the metadata log is taken for its end
  kAckUnleased,          // chunks are acknowledged without a look at the lease
  kSlotNotCompared,      // whatever entry a get brings is taken for that of the slot,
  kPositionNotCompared,  // whatever snapshot for that of the position,
  kChunkNotCompared,     // whatever chunk for that of the register
};

// "no-fsync" and so on; nothing for an unknown name.
std::optional<Plant> plant_named(std::string_view name);

// The wrappers of one process. Those that its plant does not need are the parts themselves.
class Planted {
 public:
  Planted(Plant plant, base::Executor& executor);
  ~Planted();

  base::FileSystem& wrap(base::FileSystem& files);
  object_store::ObjectStore& wrap(object_store::ObjectStore& objects);
  chunk::ChunkReplica& wrap(chunk::ChunkReplica& replica, size_t zone = 0);
  metadata::MetadataStore& wrap(metadata::MetadataStore& metadata);
  metadata::MetadataStore& wrap_for_lease(metadata::MetadataStore& metadata);
  const EntryRules& wrap(const EntryRules& rules);
  // Null: the store goes without one.
  metadata::Lease* lease_of_store(metadata::Lease* lease) const;
  StreamStore& wrap(StreamStore& store, metadata::Lease* lease = nullptr);
  // Before the parts go.
  void drop_frames();

 private:
  const Plant plant_;
  std::unique_ptr<base::FileSystem> files_;
  std::unique_ptr<object_store::ObjectStore> objects_;
  std::vector<std::unique_ptr<chunk::ChunkReplica>> replicas_;
  std::unique_ptr<metadata::MetadataStore> metadata_;
  std::unique_ptr<metadata::MetadataStore> lease_metadata_;
  std::unique_ptr<EntryRules> rules_;
  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<base::TaskGroup> frames_;
};

}  // namespace thalweg::sim
