// LiveStreamStore: the StreamStore over its channels, one for each storage class in use. It opens
// and closes them, has what they share, finds the one a stream is on, and collects garbage.
#pragma once

#include <memory>
#include <vector>

#include "streamcore/channel/channel_rows.h"
#include "streamcore/segment/block_cache.h"
#include "streamcore/stream/live_channel.h"
#include "streamcore/stream_store.h"

namespace thalweg::stream {

class LiveStreamStore final : public StreamStore {
 public:
  LiveStreamStore(Parts parts, StreamStoreOptions options);
  ~LiveStreamStore() override;

  base::Task<base::Status> open();

  void request_stop() override;
  base::Task<base::Status> stop() override;
  bool stopped(ChannelId channel) const override;
  bool is_owner() const override;
  base::Task<base::Status> prove_ownership() override;
  StorageClass default_class() const override { return default_class_; }
  const std::vector<StorageClass>& storage_classes() const override {
    return parts_.logs.classes();
  }
  StorageClass class_of(ChannelId id) const override { return channel(id).storage_class(); }
  base::Task<base::Status> open_class(StorageClass storage_class) override;
  base::Task<base::Result<StreamId>> allocate_streams(uint64_t count,
                                                      StorageClass storage_class) override;
  base::Task<base::Status> open_for_append(std::vector<StreamId> streams) override;
  bool is_open_for_append(StreamId stream) const override;
  base::Task<base::Status> admit(ChannelId channel, uint64_t bytes,
                                 base::Duration time_max) override;
  bool admits(ChannelId channel, uint64_t bytes) const override;
  bool has_room(ChannelId channel, uint64_t bytes) const override;
  base::Result<Appended> append(const AppendRequest& request) override;
  LogPosition last_position(ChannelId channel) const override;
  base::Task<base::Status> durable(LogPosition position) override;
  std::optional<base::Status> durability(LogPosition position) const override;
  void wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle) override;
  Offset next_offset(StreamId stream) const override;
  LeaderEpoch channel_leader_epoch(ChannelId channel) const override;
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
  struct Loading {
    std::vector<channel::StreamUse> streams;
    base::Status outcome;
  };
  base::Task<void> load_into(Loading& loading, StreamId id);
  base::Task<base::Result<std::vector<channel::StreamUse>>> load_all(
      const std::vector<StreamId>& ids);

  struct Opening;
  base::Task<base::Result<std::vector<Opening>>> channels_to_open();
  base::Task<base::Status> load_rows(channel::ChannelRows& rows);
  base::Task<base::Status> load_succession(channel::ReplicaSuccession& succession);
  base::Status check_place(const Opening& one) const;
  base::Task<base::Status> open_all(std::vector<Opening>& channels);
  base::Task<void> open_channel(Opening& one);
  base::Task<base::Status> try_to_open(Opening& one);
  // The channel of that class, opened now if it is the first time.
  base::Task<base::Result<ChannelId>> channel_for(StorageClass storage_class);
  base::Task<void> stop_channel(LiveChannel& one, base::Status& outcome);
  LiveChannel& channel(ChannelId id);
  const LiveChannel& channel(ChannelId id) const;
  base::Task<base::Result<base::Timestamp>> newest_time(segment::SegmentRow row);
  // What earlier owners PREPARED and did not commit goes.
  base::Task<void> sweep_prepared();
  base::Task<void> housekeeping_loop();

  struct ReleasePool {
    void operator()(base::BufferPool* pool) const { pool->release(); }
  };

  const Parts parts_;
  const StreamStoreOptions options_;
  StorageClass default_class_ = StorageClass::kLocal;
  channel::StreamTable streams_;
  channel::TailMemory tail_memory_;
  std::unique_ptr<base::BufferPool, ReleasePool> blocks_;
  segment::BlockCache cache_;
  segment::SegmentReader segment_reader_;
  channel::SegmentObjects objects_;
  metadata::IdAllocator stream_numbers_;
  base::Event swept_;  // or it will not be
  base::Semaphore opening_turn_;
  std::vector<std::unique_ptr<LiveChannel>> channels_;  // by id
  base::TaskGroup tasks_;                               // last: its frames go first
};

}  // namespace thalweg::stream
