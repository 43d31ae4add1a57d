// LiveChannel: one channel with all that is its own: its row, its part of the log that is not in
// segments yet, the transactions on its streams' rows, offload and merging in the background. What
// one waits for holds up no other.
//
// The streams in memory, the objects, the cache and the memory for chunks are the store's, for all
// channels.
#pragma once

#include <memory>
#include <vector>

#include "streamcore/channel/channel.h"
#include "streamcore/channel/channel_opener.h"
#include "streamcore/channel/offloader.h"
#include "streamcore/channel/segment_merger.h"
#include "streamcore/stream/stream_reader.h"
#include "streamcore/stream/stream_rows.h"
#include "streamcore/stream_store.h"

namespace thalweg::stream {

class LiveChannel {
 public:
  // What all channels of a store share.
  struct Shared {
    const StreamStore::Parts& parts;
    channel::StreamTable& streams;
    channel::TailMemory& tail_memory;
    base::BufferPool& blocks;
    segment::SegmentReader& segments;
    channel::SegmentObjects& objects;
    base::Event& swept;  // of what earlier owners PREPARED: before anything else is
  };
  LiveChannel(Shared shared, std::vector<chunk::ChunkReplica*> replicas,
              StreamStoreOptions options);
  LiveChannel(const LiveChannel&) = delete;
  LiveChannel& operator=(const LiveChannel&) = delete;
  ~LiveChannel();

  // Recovers what the last owner left and opens a new epoch. Nothing runs after a failure. `known`
  // is what metadata say of it, if they were just asked.
  base::Task<base::Status> open(std::optional<channel::KnownChannel> known);
  // Instead of start().
  base::Task<void> abandon() { return tasks_.stop_and_join(); }
  // Takes appends from here on.
  base::Task<void> start();
  void request_stop() { channel_->request_stop(); }
  base::Task<base::Status> stop();

  StorageClass storage_class() const { return options_.storage_class; }
  metadata::Condition ownership() const { return row_.condition(); }
  channel::Channel& log() { return *channel_; }
  const channel::Channel& log() const { return *channel_; }
  StreamReader& reader() { return reader_; }
  StreamRows& rows() { return rows_; }
  LeaderEpoch leader_epoch() const { return channel::first_leader_epoch(channel_->epoch()); }
  StreamBounds bounds_of(const channel::StreamState& stream) const;
  base::Task<base::Status> load_annotation(channel::StreamState& stream) {
    return offloader_.load_annotation(stream);
  }

  base::Task<base::Status> offload_all();
  uint64_t outstanding_log_bytes() const { return tail_.unoffloaded_bytes(); }

 private:
  channel::Offloader::Parts offload_parts();
  base::Task<base::Status> take_over_and_open(std::optional<channel::KnownChannel> known);
  base::Task<base::Status> close(ChunkSeq end);
  // False if there was nothing to offload.
  base::Task<base::Result<bool>> offload_once(uint64_t bytes_max);
  base::Task<base::Status> merge_some();
  void chunk_became_durable();
  // How long until offload is due; zero: now; none: nothing to offload.
  std::optional<base::Duration> offload_due();
  base::Task<void> offload_loop();

  const Shared shared_;
  const std::vector<chunk::ChunkReplica*> replicas_;
  const StreamStoreOptions options_;
  channel::LogTail tail_;
  channel::OwnedChannelRow row_;
  channel::RowGate gate_;
  channel::Offloader offloader_;
  channel::SegmentMerger merger_;
  StreamReader reader_;
  StreamRows rows_;
  base::Semaphore offload_turn_;
  base::Notifier offload_look_;
  bool offload_waits_for_age_ = false;
  std::unique_ptr<channel::Channel> channel_;
  base::TaskGroup tasks_;  // last: its frames go first
};

}  // namespace thalweg::stream
