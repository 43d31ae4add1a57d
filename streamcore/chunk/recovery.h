// Recovery: decides where an epoch of a channel ended, so that its acknowledged chunks can be
// drained and nothing more is ever acknowledged in it (rules R0-R6, P8-P13).
//
// The order is: the epoch's row becomes SEALING, which freezes the free-watermark g; what the
// replicas show is made durable; every slot below p = max(g, greatest durable watermark seen) is
// known to be durable; from p on, SEALs are put and the slots decided in order, a chunk found
// anywhere is adopted, and the first slot that a quorum of SEALs holds is the end; the row becomes
// CLOSED(end). Any number of recoveries may run at once, and beside a living owner: the registers
// and the row decide, never a clock.
#pragma once

#include <cstdint>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/types.h"

namespace thalweg::chunk {

// The channel's row in metadata, as one recovery of one epoch sees it.
class EpochAuthority {
 public:
  virtual ~EpochAuthority() = default;
  // R1: makes the epoch SEALING by this recovery (superseding any other) and answers the
  // free-watermark read by that same transaction. Called again to read the watermark afresh, it
  // fails with kFenced if another superseded this one.
  virtual base::Task<base::Result<ChunkSeq>> start_sealing() = 0;
  // R4: CLOSED(end) if the epoch is still SEALING by this recovery; kFenced otherwise.
  virtual base::Task<base::Status> close(ChunkSeq end) = 0;
  // R0: whether the store of this incarnation is still listed as OK. Asked whenever a slot is
  // decided.
  virtual base::Task<base::Result<bool>> counts(uint64_t incarnation);
};

struct RecoveryOptions {
  ChannelId channel{};
  ChannelEpoch epoch{};
  std::vector<uint64_t> incarnations{};  // of each replica, as the channel's row has them
  uint64_t sealer_nonce = 0;             // random, of this attempt
  uint32_t window = 4;                   // at least the owner's
  // Repetitions of a request whose outcome is unknown, until the replica counts as unavailable.
  uint32_t attempts_max = 20;
  base::Duration retry_delay_min = std::chrono::milliseconds(10);
  base::Duration retry_delay_max = std::chrono::seconds(1);
  // Where requests go on that a slow store has not answered when a quorum of others has; it
  // outlives them, as the replicas must. Null: they are waited for.
  base::TaskGroup* stragglers = nullptr;
};

// A closed epoch: every chunk in [free_below, end) is on a quorum of replicas; what lies beyond is
// garbage.
struct RecoveredEpoch {
  ChannelId channel{};
  ChannelEpoch epoch{};
  ChunkSeq free_below{};
  ChunkSeq end{};

  // Of the chunks to drain, in order.
  std::vector<ChunkKey> keys() const;
};

// Recovers one epoch. kCorrupt: a chunk that was durable is not there whole (P11), fatal for the
// channel. kUnavailable: too few replicas answered; may be tried again, as may any other error.
// Errors of the authority pass through. The replicas and the authority outlive the task.
base::Task<base::Result<RecoveredEpoch>> recover_epoch(base::Executor& executor,
                                                       std::vector<ChunkReplica*> replicas,
                                                       RecoveryOptions options,
                                                       EpochAuthority& authority);

// Puts SEALs at `end` on a quorum: what an owner does after it stopped and everything it wrote is
// durable, before it closes its epoch itself. kCorrupt if a chunk is in the way; kUnavailable.
base::Task<base::Status> seal_end(base::Executor& executor, std::vector<ChunkReplica*> replicas,
                                  RecoveryOptions options, ChunkSeq end);

// What the register of one replica holds, chunk or SEAL, validated. kCorrupt only if further looks
// find no better: damage may have come about on the way.
base::Task<base::Result<ChunkView>> read_register(ChunkReplica* replica, ChunkKey key);

// A whole, validated chunk from any replica, its adopted copy included. A corrupt copy is reported
// and another one taken, which then also repairs it (as an adopted copy). kNotFound: no replica
// holds it, and all answered. kCorrupt: all answered, and there is no valid copy but a damaged one.
// kUnavailable: no valid copy among the replicas that answered.
base::Task<base::Result<ChunkView>> read_chunk_view(std::vector<ChunkReplica*> replicas,
                                                    ChunkKey key);
base::Task<base::Result<base::Slice>> read_chunk(std::vector<ChunkReplica*> replicas, ChunkKey key);

// The entry headers of a chunk, without its payloads. Errors as read_chunk_view.
base::Task<base::Result<std::vector<IndexedEntry>>> read_chunk_index(
    std::vector<ChunkReplica*> replicas, ChunkKey key);

}  // namespace thalweg::chunk
