// LiveStreamStore: the StreamStore over one channel. It builds the parts of the engine, opens the
// channel, and runs the background loops: offload, garbage collection, dropping idle streams.
#pragma once

#include "streamcore/channel/channel.h"
#include "streamcore/channel/channel_opener.h"
#include "streamcore/channel/offloader.h"
#include "streamcore/channel/segment_merger.h"
#include "streamcore/segment/block_cache.h"
#include "streamcore/stream/stream_reader.h"
#include "streamcore/stream/stream_rows.h"
#include "streamcore/stream_store.h"

namespace thalweg::stream {

class LiveStreamStore final : public StreamStore {
 public:
  LiveStreamStore(Parts parts, StreamStoreOptions options);
  ~LiveStreamStore() override;

  base::Task<base::Status> open();

  void request_stop() override;
  base::Task<base::Status> stop() override;
  bool stopped() const override;
  bool is_owner() const override;
  base::Task<base::Status> prove_ownership() override;
  base::Task<base::Result<StreamId>> allocate_streams(uint64_t count) override;
  base::Task<base::Status> open_for_append(std::vector<StreamId> streams) override;
  bool is_open_for_append(StreamId stream) const override;
  base::Task<base::Status> admit(uint64_t bytes, base::Duration time_max) override;
  bool admits(uint64_t bytes) const override;
  base::Result<Appended> append(const AppendRequest& request) override;
  LogPosition last_position() const override;
  base::Task<base::Status> durable(LogPosition position) override;
  std::optional<base::Status> durability(LogPosition position) const override;
  void wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle) override;
  Offset next_offset(StreamId stream) const override;
  LeaderEpoch channel_leader_epoch() const override;
  base::Task<base::Result<StreamBounds>> bounds(StreamId stream) override;
  std::optional<StreamBounds> known_bounds(StreamId stream) const override;
  base::Task<base::Result<ReadResult>> read(StreamId stream, Offset from,
                                            size_t max_bytes) override;
  base::Task<base::Result<std::optional<EntryRef>>> find_timestamp(StreamId stream,
                                                                   base::Timestamp timestamp,
                                                                   Offset from) override;
  base::Task<base::Result<base::Timestamp>> max_timestamp(StreamId stream) override;
  base::Task<base::Result<AnnotationAt>> annotation(StreamId stream) override;
  base::Task<base::Status> watch(StreamId stream, TailWatch& watch) override;
  bool watch_known(StreamId stream, TailWatch& watch) override;
  base::Task<base::Status> trim(StreamId stream, Offset to) override;
  base::Task<base::Result<std::vector<StreamId>>> written_streams(StreamId from, StreamId end,
                                                                  size_t limit) override;
  base::Task<base::Result<Offset>> retain(StreamId stream, RetentionPolicy policy) override;
  base::Task<base::Status> remove(std::vector<StreamId> streams) override;
  base::Task<base::Status> fence(StreamId stream, std::string token) override;
  base::Task<base::Result<uint64_t>> stored_bytes(StreamId stream) override;
  base::Task<base::Status> offload_all() override;
  uint64_t outstanding_log_bytes() const override;

 private:
  base::Task<base::Status> open_channel();
  channel::Offloader::Parts offload_parts();
  StreamBounds bounds_of(const channel::StreamState& stream) const;
  base::Task<base::Result<base::Timestamp>> newest_time(segment::SegmentRow row);
  // False if there was nothing to offload.
  base::Task<base::Result<bool>> offload_once(uint64_t bytes_max);
  void chunk_became_durable();
  // How long until offload is due; zero: now; none: nothing to offload.
  base::Task<base::Status> merge_some();
  std::optional<base::Duration> offload_due();
  base::Task<void> offload_loop();
  base::Task<void> housekeeping_loop();

  Parts parts_;
  const StreamStoreOptions options_;
  channel::StreamTable streams_;
  channel::LogTail tail_;
  channel::OwnedChannelRow row_;
  channel::RowGate gate_;
  segment::BlockCache cache_;
  segment::SegmentReader segment_reader_;
  channel::SegmentObjects objects_;
  metadata::IdAllocator stream_ids_;
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
