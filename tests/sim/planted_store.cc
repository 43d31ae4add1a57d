#include "tests/sim/planted_store.h"

#include <algorithm>
#include <coroutine>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "streamcore/base/check.h"

namespace thalweg::sim {

namespace {

using base::Result;
using base::Status;
using base::Task;

// Hands everything on.
class OtherStore : public StreamStore {
 public:
  explicit OtherStore(StreamStore& inner) : inner_(inner) {}
  void request_stop() override { inner_.request_stop(); }
  Task<Status> stop() override { return inner_.stop(); }
  bool stopped(ChannelId channel) const override { return inner_.stopped(channel); }
  bool is_owner() const override { return inner_.is_owner(); }
  Task<Status> prove_ownership() override { return inner_.prove_ownership(); }
  StorageClass default_class() const override { return inner_.default_class(); }
  const std::vector<StorageClass>& storage_classes() const override {
    return inner_.storage_classes();
  }
  StorageClass class_of(ChannelId channel) const override { return inner_.class_of(channel); }
  Task<Status> open_class(StorageClass storage_class) override {
    return inner_.open_class(storage_class);
  }
  Task<Result<StreamId>> allocate_streams(uint64_t count, StorageClass storage_class) override {
    return inner_.allocate_streams(count, storage_class);
  }
  Task<Status> open_for_append(std::vector<StreamId> streams) override {
    return inner_.open_for_append(std::move(streams));
  }
  bool is_open_for_append(StreamId stream) const override {
    return inner_.is_open_for_append(stream);
  }
  Task<Status> admit(ChannelId channel, uint64_t bytes, base::Duration time_max) override {
    return inner_.admit(channel, bytes, time_max);
  }
  bool admits(ChannelId channel, uint64_t bytes) const override {
    return inner_.admits(channel, bytes);
  }
  bool has_room(ChannelId channel, uint64_t bytes) const override {
    return inner_.has_room(channel, bytes);
  }
  Result<Appended> append(const AppendRequest& request) override { return inner_.append(request); }
  LogPosition last_position(ChannelId channel) const override {
    return inner_.last_position(channel);
  }
  Task<Status> durable(LogPosition position) override { return inner_.durable(position); }
  LeaderEpoch channel_leader_epoch(ChannelId channel) const override {
    return inner_.channel_leader_epoch(channel);
  }
  Offset next_offset(StreamId stream) const override { return inner_.next_offset(stream); }
  Task<Result<StreamBounds>> bounds(StreamId stream) override { return inner_.bounds(stream); }
  std::optional<StreamBounds> known_bounds(StreamId stream) const override {
    return inner_.known_bounds(stream);
  }
  Task<Result<ReadResult>> read(StreamId stream, Offset from, size_t max_bytes) override {
    return inner_.read(stream, from, max_bytes);
  }
  Task<Result<std::optional<EntryRef>>> find_timestamp(StreamId stream, base::Timestamp timestamp,
                                                       Offset from) override {
    return inner_.find_timestamp(stream, timestamp, from);
  }
  Task<Result<base::Timestamp>> max_timestamp(StreamId stream) override {
    return inner_.max_timestamp(stream);
  }
  Task<Result<AnnotationAt>> annotation(StreamId stream) override {
    return inner_.annotation(stream);
  }
  Task<Status> watch(StreamId stream, TailWatch& watch) override {
    return inner_.watch(stream, watch);
  }
  bool watch_known(StreamId stream, TailWatch& watch) override {
    return inner_.watch_known(stream, watch);
  }
  Task<Status> trim(StreamId stream, Offset to) override { return inner_.trim(stream, to); }
  Task<Result<std::vector<StreamId>>> written_streams(StreamId from, StreamId end,
                                                      size_t limit) override {
    return inner_.written_streams(from, end, limit);
  }
  Task<Result<Offset>> retain(StreamId stream, RetentionPolicy policy) override {
    return inner_.retain(stream, policy);
  }
  Task<Status> remove(std::vector<StreamId> streams) override {
    return inner_.remove(std::move(streams));
  }
  Task<Status> fence(StreamId stream, std::string token) override {
    return inner_.fence(stream, std::move(token));
  }
  Task<Result<uint64_t>> stored_bytes(StreamId stream) override {
    return inner_.stored_bytes(stream);
  }
  Task<Status> offload_all() override { return inner_.offload_all(); }
  uint64_t outstanding_log_bytes() const override { return inner_.outstanding_log_bytes(); }

 protected:
  // The simulator's users wait by durable().
  std::optional<Status> durability(LogPosition) const override { return std::nullopt; }
  void wait_durable(DurableWaiter&, std::coroutine_handle<>) override { CHECK(false); }

  StreamStore& inner_;
};

// Tells where a stream ends by what was given out, or by single offsets of what is on its way.
class EarlyTail final : public OtherStore {
 public:
  EarlyTail(StreamStore& inner, bool whole_entries) : OtherStore(inner), whole_(whole_entries) {}
  Task<Result<StreamBounds>> bounds(StreamId stream) override {
    StreamBounds bounds = CO_TRY(co_await inner_.bounds(stream));
    if (!inner_.is_open_for_append(stream)) co_return bounds;
    const Offset next = inner_.next_offset(stream);
    bounds.durable_tail =
        std::max(bounds.durable_tail, whole_ ? next : std::min(next, bounds.durable_tail + 1));
    co_return bounds;
  }

 private:
  const bool whole_;
};

// Acknowledges what it does not know to be durable.
class SureStore final : public OtherStore {
 public:
  using OtherStore::OtherStore;
  Task<Status> durable(LogPosition position) override {
    const Status durable = co_await inner_.durable(position);
    if (!durable && durable.error().code != base::ErrorCode::kUnknownOutcome) co_return durable;
    co_return Status();
  }
};

// Who waits for what will never be durable waits for ever.
class ForgetfulStore final : public OtherStore {
 public:
  using OtherStore::OtherStore;
  Task<Status> durable(LogPosition position) override {
    const Status durable = co_await inner_.durable(position);
    if (!durable) co_await std::suspend_always{};
    co_return durable;
  }
};

// Answers a trim before it is durable.
class LaterTrim final : public OtherStore {
 public:
  LaterTrim(StreamStore& inner, base::TaskGroup& frames) : OtherStore(inner), frames_(frames) {}
  Task<Status> trim(StreamId stream, Offset to) override {
    frames_.spawn(trim_later(inner_, stream, to));
    co_return Status();
  }

 private:
  static Task<void> trim_later(StreamStore& inner, StreamId stream, Offset to) {
    (void)co_await inner.trim(stream, to);
  }

  base::TaskGroup& frames_;
};

// Of a store that knows of no lease; who asks is told by the lease.
class UnleasedStore final : public OtherStore {
 public:
  UnleasedStore(StreamStore& inner, metadata::Lease& lease) : OtherStore(inner), lease_(lease) {}
  bool is_owner() const override { return lease_.valid(); }
  Task<Status> prove_ownership() override { return lease_.prove(); }

 private:
  metadata::Lease& lease_;
};

}  // namespace

std::unique_ptr<StreamStore> planted_store(Plant plant, StreamStore& store, metadata::Lease* lease,
                                           base::TaskGroup& frames) {
  switch (plant) {
    case Plant::kTailUndurable: return std::make_unique<EarlyTail>(store, true);
    case Plant::kTailInEntry: return std::make_unique<EarlyTail>(store, false);
    case Plant::kUnknownIsAcked: return std::make_unique<SureStore>(store);
    case Plant::kWaiterForgotten: return std::make_unique<ForgetfulStore>(store);
    case Plant::kTrimLater: return std::make_unique<LaterTrim>(store, frames);
    case Plant::kAckUnleased:
      return lease == nullptr ? nullptr : std::make_unique<UnleasedStore>(store, *lease);
    default: return nullptr;
  }
}

}  // namespace thalweg::sim
