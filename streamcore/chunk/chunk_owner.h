// ChunkOwner: the writer of one epoch of one channel, over N replicas of which a quorum must hold
// each chunk.
//
// It keeps the owner rules: the bytes of a seq never change and no seq is skipped (P1), success on
// a replica is a created register or one that holds these very bytes (P2), durability is announced
// in order and at quorum (P3), a chunk is created only while seq - durable_end < window (P4), and a
// SEAL in the way ends it (P5). It belongs to its channel and lives on the channel's executor; the
// replicas outlive it.
//
// After trouble (a SEAL met, too few replicas alive) it creates nothing more, waits
// for the answers to what is in flight (for a while), without repeating anything, announces what
// became durable by them, and stops.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/types.h"

namespace thalweg::chunk {

// How many of `replicas` make a quorum: 1 of 1, 2 of 3.
constexpr size_t quorum_of(size_t replicas) { return replicas / 2 + 1; }

// The incarnation chunks carry: the replica's own if there is one, else a mix of all of them in
// their order, since a chunk has the same bytes on every replica.
uint64_t log_incarnation(const std::vector<uint64_t>& replica_incarnations);

struct OwnerOptions {
  ChannelId channel{};
  ChannelEpoch epoch{};
  // Of each replica, as the channel's row has them; answers of a replica that shows another do not
  // count (P8).
  std::vector<uint64_t> incarnations{};
  uint64_t nonce = 0;  // this grant's, random
  uint32_t window = 4;
  // A replica that is slower than its peers holds at most so many chunk buffers; past it, it goes
  // without new chunks that the others made durable.
  uint32_t lag_chunks_max = 64;
  base::Duration retry_delay_min = std::chrono::milliseconds(5);
  base::Duration retry_delay_max = std::chrono::seconds(1);
  // How long a stopping owner waits for the answers in flight.
  base::Duration resolve_time_max = std::chrono::seconds(2);
};

class OwnerListener {
 public:
  virtual ~OwnerListener() = default;
  // Every chunk below `durable_end` is durable. Called in order, straight from the completion of
  // the last write needed; it may submit the next chunk at once.
  virtual void on_durable(ChunkSeq durable_end) = 0;
  // Called once, and nothing after it. Chunks at or beyond durable_end() have an unknown outcome.
  // kFenced: another owner took over. kUnavailable: no quorum of replicas is alive. kCorrupt: a
  // register holds foreign bytes.
  virtual void on_stopped(base::Error error) = 0;
  // Asked after a quorum and before on_durable (P3). False if the owner's lease may have lapsed:
  // nothing is announced until lease_renewed().
  virtual bool lease_holds() { return true; }
};

class ChunkOwner {
 public:
  ChunkOwner(base::Executor& executor, std::vector<ChunkReplica*> replicas, OwnerOptions options,
             OwnerListener& listener);
  ChunkOwner(const ChunkOwner&) = delete;
  ChunkOwner& operator=(const ChunkOwner&) = delete;
  ~ChunkOwner();

  // True while the window is open and nothing has stopped this owner.
  bool may_create() const;
  ChunkSeq next_seq() const { return next_seq_; }
  // The durable watermark the next chunk must carry.
  ChunkSeq durable_end() const { return durable_end_; }
  bool stopped() const { return error_.has_value(); }
  // What ChunkBuilder::finish() needs for the next chunk.
  ChunkIds next_ids() const;

  // Starts writing the chunk everywhere. CHECKs may_create() and that the chunk is exactly the next
  // one.
  void submit(FinishedChunk chunk);

  // Announces what a quorum holds and lease_holds() held back.
  void lease_renewed();

  // Waits for the answers in flight, repeating nothing; on_durable may still be called, on_stopped
  // is not.
  base::Task<void> stop_and_join();

 private:
  struct Slot {
    FinishedChunk chunk;
    uint32_t copies = 0;
    uint32_t asked = 0;  // bit i: replica i was sent the chunk
    bool durable = false;
  };
  struct Peer {
    ChunkReplica* replica;
    uint64_t incarnation;
    bool alive = true;
    uint32_t in_flight = 0;
  };

  // Starts writing the chunk to one replica; false if it is dead or has no room.
  bool ask(size_t peer_index, std::shared_ptr<Slot> slot);
  // Asks for every undurable chunk each replica that was not asked yet.
  void ask_again();
  base::Task<void> place(size_t peer_index, std::shared_ptr<Slot> slot);
  // True once the replica holds the chunk, false if this copy was given up.
  base::Task<bool> place_until_known(size_t peer_index, std::shared_ptr<Slot> slot);
  static bool counts(const Peer& peer) { return peer.replica->incarnation() == peer.incarnation; }
  // Not merely a store that was not reached yet.
  static bool is_foreign(const Peer& peer) {
    return !counts(peer) && peer.replica->incarnation() != 0;
  }
  // Whose bytes are in the register the put found taken: true for ours.
  base::Task<base::Result<bool>> holds_mine(ChunkReplica* replica, ChunkHeader mine);
  void copy_placed(Slot& slot);
  void announce_durable();
  void lose_peer(Peer& peer, const base::Error& error);
  void begin_stop(base::Error error);
  void announce_stop();

  base::Executor& executor_;
  OwnerOptions options_;
  OwnerListener& listener_;
  uint64_t incarnation_;
  std::vector<Peer> peers_;
  // From durable_end_ up; shared with the writes of slower replicas.
  std::deque<std::shared_ptr<Slot>> undurable_;
  ChunkSeq next_seq_;
  ChunkSeq durable_end_;
  uint32_t placing_ = 0;
  std::optional<base::Error> error_;
  bool stop_announced_ = false;
  bool joining_ = false;
  base::TimerId resolve_timer_ = 0;
  base::TaskGroup writes_;  // last: its frames use everything above
};

}  // namespace thalweg::chunk
