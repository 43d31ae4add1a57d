// Channel: the actor that sequences a set of streams into one chunk log. It assigns offsets, copies
// entries into the open chunk (the only copy of record bytes), writes chunks as slots become free
// (group commit; where puts take long and cost, after a chunk waited a while for more), and makes
// entries visible in order once their chunk is durable.
//
// Runs on one executor. Owns nothing persistent: rows belong to OwnedChannelRow, chunks to the
// replicas.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/channel/chunk_arena.h"
#include "streamcore/channel/log_tail.h"
#include "streamcore/channel/stream_table.h"
#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_owner.h"
#include "streamcore/entry_rules.h"
#include "streamcore/metadata/lease.h"
#include "streamcore/options.h"
#include "streamcore/stream_store.h"

namespace thalweg::channel {

// The largest payload an entry may have; the front end's own request limit is below it.
inline constexpr size_t kEntryBytesMax = 120 << 20;

// Of the blocks chunks are built in, at least.
size_t arena_block_bytes(const StreamStoreOptions& options);

class Channel final : public chunk::OwnerListener, public metadata::LeaseListener {
 public:
  struct Parts {
    base::Executor& executor;
    std::vector<chunk::ChunkReplica*> replicas;
    std::vector<uint64_t> incarnations;  // of the replicas, as the channel's row has them
    const EntryRules& rules;
    StreamTable& streams;
    LogTail& tail;
    base::BufferPool& blocks;  // that chunks are built in
    const StreamStoreOptions& options;
    metadata::Lease* lease;  // null: a lock proves who owns the log
  };
  // `moved` is called each time the durable end moved.
  Channel(Parts parts, ChannelEpoch epoch, uint64_t nonce, base::Callback moved);
  ~Channel() override;

  ChannelEpoch epoch() const { return epoch_; }
  bool stopped() const { return stop_error_.has_value(); }

  // See StreamStore for the contracts of these.
  bool admits(uint64_t bytes) const;
  bool has_room(uint64_t bytes) const { return admission(bytes) == Admission::kOpen; }
  base::Task<base::Status> admit(uint64_t bytes, base::Duration time_max);
  base::Result<Appended> append(const AppendRequest& request);
  base::Task<base::Status> durable(ChunkSeq seq);
  std::optional<base::Status> durability(ChunkSeq seq) const;
  void wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle);
  LogPosition last_position() const { return {options_.channel, last_seq()}; }

  // Chunks below are durable.
  ChunkSeq durable_end() const { return owner_->durable_end(); }
  // Log space came back, or offload cannot free any because the disk is full.
  void space_freed();
  void offload_out_of_space(bool out_of_space);
  // An append waits for chunks to be offloaded; told through `moved`.
  bool wants_room() const { return room_wanted_; }

  // Nobody waits for admission any more.
  void request_stop();
  // Refuses further appends, waits for those in flight, and ends the owner. The end: the next
  // chunk's seq.
  base::Task<base::Result<ChunkSeq>> stop();

  void on_durable(ChunkSeq end) override;
  void on_stopped(base::Error error) override;
  bool lease_holds() override { return lease_ == nullptr || lease_->holds(); }
  void lease_renewed() override { owner_->lease_renewed(); }
  void lease_lost(const base::Error& error) override { on_stopped(error); }

 private:
  struct OpenChunk;

  ChunkSeq last_seq() const;
  enum class Admission { kOpen, kWait, kNoSpace, kStopped };
  Admission admission(uint64_t bytes) const;
  bool outstanding_full(uint64_t bytes) const;
  // Of log space, for chunks no longer than `longest`.
  uint64_t ready_log_bytes(uint64_t longest = 0) const;
  void keep_log_ready();
  base::Task<void> make_log_ready();

  OpenChunk& chunk_for(size_t payload_length);
  void close_chunk(OpenChunk& chunk);
  void schedule_pump();
  void pump();
  bool may_submit() const;
  bool waits() const { return options_.chunks_wait(); }
  // When the first open chunk goes though it is not full.
  base::TimePoint linger_end() const;
  void arm_linger();
  void submit_front();
  void arm_idle_chunk();
  void arm_overdue();
  void wake_overdue();
  base::Error stop_error() const;

  base::Executor& executor_;
  std::vector<chunk::ChunkReplica*> replicas_;
  const EntryRules& rules_;
  StreamTable& streams_;
  LogTail& tail_;
  const StreamStoreOptions& options_;
  metadata::Lease* const lease_;
  const ChannelEpoch epoch_;
  base::Callback moved_;

  ChunkArena arena_;
  std::deque<OpenChunk> open_;          // the last takes appends, earlier ones wait for a slot
  std::deque<LoggedChunk*> in_flight_;  // submitted, not durable
  uint64_t unwritten_bytes_ = 0;        // footprint of open_
  uint64_t ready_wanted_ = 0;           // log space somebody waits for
  bool room_wanted_ = false;            // somebody waits for offload
  bool pump_scheduled_ = false;
  bool last_chunk_empty_ = true;
  base::TimerId idle_timer_ = 0;
  base::TimerId linger_timer_ = 0;
  base::TimerId overdue_timer_ = 0;
  base::TimePoint last_arrival_;  // of an entry, if chunks wait for more

  std::optional<base::Error> stop_error_;
  bool closing_ = false;
  bool stopping_ = false;      // admission is now or not at all
  bool log_full_ = false;      // a replica has no space for more log
  bool offload_full_ = false;  // offload cannot free any
  bool making_ready_ = false;
  base::Semaphore admission_turn_;  // first come, first served: large entries do not starve
  base::Notifier admission_changed_;
  base::WaitQueue durable_waiters_;

  std::unique_ptr<chunk::ChunkOwner> owner_;
  base::TaskGroup tasks_;  // last: its frames go first
};

}  // namespace thalweg::channel
