#include "streamcore/stream/live_stream_store.h"

#include <algorithm>
#include <limits>
#include <map>

#include "streamcore/base/check.h"
#include "streamcore/base/failure_log.h"
#include "streamcore/base/log.h"
#include "streamcore/channel/channel_rows.h"
#include "streamcore/channel/row_keys.h"

namespace thalweg {

base::Task<base::Result<std::unique_ptr<StreamStore>>> StreamStore::open(
    Parts parts, StreamStoreOptions options) {
  auto store = std::make_unique<stream::LiveStreamStore>(parts, options);
  CO_TRY(co_await store->open());
  co_return std::unique_ptr<StreamStore>(std::move(store));
}

namespace stream {

using base::ErrorCode;
using channel::StreamState;
using channel::StreamUse;

namespace {
constexpr uint64_t kStreamNumberBlock = 10'000;
constexpr base::Duration kHousekeepingInterval = std::chrono::seconds(5);
constexpr size_t kSweepPerRound = 20'000;
constexpr base::Duration kSweepRetry = std::chrono::milliseconds(500);

// Blocks for chunks serve all channels, also those that are made later.
base::BufferPool* make_block_pool(const StreamStoreOptions& options,
                                  const std::vector<StorageClass>& classes) {
  size_t block_bytes = 0;
  for (const StorageClass one : classes) {
    StreamStoreOptions of_class = options;
    use_storage_class(of_class, one);
    block_bytes = std::max(block_bytes, channel::arena_block_bytes(of_class));
  }
  return base::BufferPool::create(block_bytes, options.memory_tail_bytes_max / block_bytes,
                                  options.touch_memory_ahead
                                      ? base::BufferPool::Touch::kAhead
                                      : base::BufferPool::Touch::kWhenWritten);
}
}  // namespace

struct LiveStreamStore::Opening {
  ChannelId id;
  StorageClass storage_class;
  bool fresh;  // it has no row
  std::optional<channel::KnownChannel> known = std::nullopt;
  std::unique_ptr<LiveChannel> channel = nullptr;
  base::Status outcome = {};
};

LiveStreamStore::LiveStreamStore(Parts parts, StreamStoreOptions options)
    : parts_(parts),
      options_(options),
      streams_(parts_.metadata),
      tail_memory_(options_.memory_tail_bytes_max),
      blocks_(make_block_pool(options_, parts_.logs.classes())),
      cache_(parts_.executor, options_.block_cache_bytes_max),
      segment_reader_(parts_.executor, parts_.objects, cache_,
                      segment::ReaderOptions{.gets_ahead_max = options_.read_gets_ahead_max}),
      objects_(parts_.executor, parts_.clock, parts_.objects, parts_.metadata, options_),
      stream_numbers_(parts_.executor, parts_.metadata, std::string(channel::kNextStreamKey),
                      kStreamNumberBlock),
      swept_(parts_.executor),
      opening_turn_(parts_.executor, 1),
      tasks_(parts_.executor) {}

LiveStreamStore::~LiveStreamStore() = default;

// --- channels ---

base::Task<base::Status> LiveStreamStore::open() {
  std::vector<Opening> channels = CO_TRY(co_await channels_to_open());
  default_class_ = options_.default_class.value_or(channels.front().storage_class);
  const base::Status opened = co_await open_all(channels);
  for (Opening& one : channels) {
    if (opened.has_value()) {
      co_await one.channel->start();
      channels_.push_back(std::move(one.channel));
    } else if (one.channel != nullptr) {
      co_await one.channel->abandon();
    }
  }
  if (!opened.has_value()) co_return opened;
  tasks_.spawn(sweep_prepared());
  tasks_.spawn(housekeeping_loop());
  co_return base::Status{};
}

base::Task<base::Status> LiveStreamStore::open_all(std::vector<Opening>& channels) {
  base::TaskGroup opening(parts_.executor);
  for (Opening& one : channels) opening.spawn(open_channel(one));
  co_await opening.stop_and_join();
  for (const Opening& one : channels) CO_TRY(one.outcome);
  co_return base::Status{};
}

// Those that have rows, and that of the class most streams will be of.
base::Task<base::Result<std::vector<LiveStreamStore::Opening>>>
LiveStreamStore::channels_to_open() {
  std::vector<Opening> channels;
  const StorageClass first = parts_.logs.classes().front();
  channel::ChannelRows rows;
  channel::ReplicaSuccession succession;
  CO_TRY(
      co_await base::side_by_side(parts_.executor, load_rows(rows), load_succession(succession)));
  for (const auto& [id, row] : rows) {
    channels.push_back({.id = id,
                        .storage_class = row.storage_class.value_or(first),
                        .fresh = false,
                        .known = channel::KnownChannel{row, succession}});
  }
  const StorageClass wanted =
      options_.default_class.value_or(channels.empty() ? first : channels.front().storage_class);
  const bool known = std::ranges::any_of(
      channels, [&](const Opening& one) { return one.storage_class == wanted; });
  if (!known) {
    const auto id = ChannelId(static_cast<uint32_t>(channels.size()));
    channels.push_back({.id = id, .storage_class = wanted, .fresh = true});
  }
  for (const Opening& one : channels) CO_TRY(check_place(one));
  co_return channels;
}

base::Task<base::Status> LiveStreamStore::load_rows(channel::ChannelRows& rows) {
  rows = CO_TRY(co_await channel::load_channel_rows(parts_.metadata));
  co_return base::Status{};
}

base::Task<base::Status> LiveStreamStore::load_succession(channel::ReplicaSuccession& succession) {
  succession = CO_TRY(co_await channel::ReplicaSuccession::load(parts_.metadata));
  co_return base::Status{};
}

base::Status LiveStreamStore::check_place(const Opening& one) const {
  std::string names;
  for (const StorageClass there : parts_.logs.classes()) {
    if (there == one.storage_class) return {};
    names += (names.empty() ? "" : ", ") + std::string(to_string(there));
  }
  return base::fail(ErrorCode::kInvalidArgument,
                    "channel " + std::to_string(one.id.value) + " has a log of class " +
                        std::string(to_string(one.storage_class)) +
                        ", and no place is named for one, only for: " + names);
}

base::Task<void> LiveStreamStore::open_channel(Opening& one) {
  one.outcome = co_await try_to_open(one);
}

base::Task<base::Status> LiveStreamStore::try_to_open(Opening& one) {
  std::vector<chunk::ChunkReplica*> replicas =
      CO_TRY(co_await parts_.logs.open(one.storage_class, one.fresh));
  StreamStoreOptions options = options_;
  options.channel = one.id;
  use_storage_class(options, one.storage_class);
  one.channel =
      std::make_unique<LiveChannel>(LiveChannel::Shared{parts_, streams_, tail_memory_, *blocks_,
                                                        segment_reader_, objects_, swept_},
                                    std::move(replicas), options);
  co_return co_await one.channel->open(std::move(one.known));
}

base::Task<base::Result<ChannelId>> LiveStreamStore::channel_for(StorageClass storage_class) {
  co_await opening_turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{opening_turn_};
  if (tasks_.stopping()) co_return base::fail(ErrorCode::kClosed, "the store stops");
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i]->storage_class() == storage_class) {
      co_return ChannelId(static_cast<uint32_t>(i));
    }
  }
  Opening one{.id = ChannelId(static_cast<uint32_t>(channels_.size())),
              .storage_class = storage_class,
              .fresh = true};
  CO_TRY(check_place(one));
  CO_TRY(co_await try_to_open(one));
  co_await one.channel->start();
  channels_.push_back(std::move(one.channel));
  co_return one.id;
}

base::Task<base::Status> LiveStreamStore::open_class(StorageClass storage_class) {
  CO_TRY(co_await channel_for(storage_class));
  co_return base::Status{};
}

LiveChannel& LiveStreamStore::channel(ChannelId id) {
  CHECK_LT(id.value, channels_.size());
  return *channels_[id.value];
}

const LiveChannel& LiveStreamStore::channel(ChannelId id) const {
  CHECK_LT(id.value, channels_.size());
  return *channels_[id.value];
}

void LiveStreamStore::request_stop() {
  for (const auto& one : channels_) one->request_stop();
}

base::Task<void> LiveStreamStore::stop_channel(LiveChannel& one, base::Status& outcome) {
  base::Status stopped = co_await one.stop();
  if (outcome.has_value()) outcome = std::move(stopped);
}

// One that cannot be closed keeps no other from it.
base::Task<base::Status> LiveStreamStore::stop() {
  tasks_.request_stop();
  co_await opening_turn_.acquire(1);  // one that is being opened
  opening_turn_.release(1);
  base::Status outcome;
  base::TaskGroup stopping(parts_.executor);
  for (const auto& one : channels_) stopping.spawn(stop_channel(*one, outcome));
  co_await stopping.stop_and_join();
  co_await tasks_.stop_and_join();
  co_await segment_reader_.stop_and_join();
  co_return outcome;
}

bool LiveStreamStore::stopped(ChannelId id) const { return channel(id).log().stopped(); }

bool LiveStreamStore::is_owner() const { return parts_.lease == nullptr || parts_.lease->valid(); }

base::Task<base::Status> LiveStreamStore::prove_ownership() {
  if (parts_.lease == nullptr) co_return base::Status{};
  co_return co_await parts_.lease->prove();
}

// --- append ---

base::Task<base::Result<StreamId>> LiveStreamStore::allocate_streams(uint64_t count,
                                                                     StorageClass storage_class) {
  const ChannelId channel = CO_TRY(co_await channel_for(storage_class));
  const uint64_t first = CO_TRY(co_await stream_numbers_.take(count));
  CHECK_LE(first + count, uint64_t{1} << kStreamNumberBits);
  co_return stream_on(channel, first);
}

base::Task<void> LiveStreamStore::load_into(Loading& loading, StreamId id) {
  base::Result<StreamUse> stream = co_await streams_.load(id);
  if (stream.has_value()) {
    loading.streams.push_back(std::move(*stream));
  } else {
    loading.outcome = std::unexpected(stream.error());
  }
}

// All at once: metadata in a bucket are looked at once for everybody who waits.
base::Task<base::Result<std::vector<StreamUse>>> LiveStreamStore::load_all(
    const std::vector<StreamId>& ids) {
  Loading loading;
  base::TaskGroup tasks(parts_.executor);
  for (const StreamId id : ids) tasks.spawn(load_into(loading, id));
  co_await tasks.stop_and_join();
  if (!loading.outcome.has_value()) co_return std::unexpected(loading.outcome.error());
  co_return std::move(loading.streams);
}

base::Task<base::Status> LiveStreamStore::open_for_append(std::vector<StreamId> streams) {
  const std::vector<StreamUse> loaded = CO_TRY(co_await load_all(streams));
  std::map<ChannelId, std::vector<StreamId>> rowless;
  for (const StreamUse& stream : loaded) {
    if (!stream->has_row) rowless[channel_of(stream->id)].push_back(stream->id);
  }
  for (auto& [id, ids] : rowless) CO_TRY(co_await channel(id).rows().create(std::move(ids)));
  co_return base::Status{};
}

bool LiveStreamStore::is_open_for_append(StreamId id) const {
  const StreamState* stream = streams_.find(id);
  return stream != nullptr && stream->has_row;
}

base::Task<base::Status> LiveStreamStore::admit(ChannelId id, uint64_t bytes,
                                                base::Duration time_max) {
  return channel(id).log().admit(bytes, time_max);
}

bool LiveStreamStore::admits(ChannelId id, uint64_t bytes) const {
  return channel(id).log().admits(bytes);
}

bool LiveStreamStore::has_room(ChannelId id, uint64_t bytes) const {
  return channel(id).log().has_room(bytes);
}

base::Result<Appended> LiveStreamStore::append(const AppendRequest& request) {
  return channel(channel_of(request.stream)).log().append(request);
}

LogPosition LiveStreamStore::last_position(ChannelId id) const {
  return channel(id).log().last_position();
}

base::Task<base::Status> LiveStreamStore::durable(LogPosition position) {
  return channel(position.channel).log().durable(position.seq);
}

std::optional<base::Status> LiveStreamStore::durability(LogPosition position) const {
  return channel(position.channel).log().durability(position.seq);
}

void LiveStreamStore::wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle) {
  channel(waiter.position.channel).log().wait_durable(waiter, handle);
}

Offset LiveStreamStore::next_offset(StreamId id) const {
  const StreamState* stream = streams_.find(id);
  CHECK(stream != nullptr);
  return stream->next;
}

// --- read ---

LeaderEpoch LiveStreamStore::channel_leader_epoch(ChannelId id) const {
  return channel(id).leader_epoch();
}

base::Task<base::Result<StreamBounds>> LiveStreamStore::bounds(StreamId id) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  co_return channel(channel_of(id)).bounds_of(*stream);
}

std::optional<StreamBounds> LiveStreamStore::known_bounds(StreamId id) const {
  const StreamState* stream = streams_.find(id);
  if (stream == nullptr) return std::nullopt;
  return channel(channel_of(id)).bounds_of(*stream);
}

base::Task<base::Result<ReadResult>> LiveStreamStore::read(StreamId id, Offset from,
                                                           size_t max_bytes) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  ReadResult result;
  LiveChannel& home = channel(channel_of(id));
  result.bounds = home.bounds_of(*stream);
  if (from < result.bounds.trim_point || from > result.bounds.durable_tail) {
    co_return base::fail(ErrorCode::kOutOfRange,
                         "offset " + std::to_string(from.value) + " is outside [" +
                             std::to_string(result.bounds.trim_point.value) + ", " +
                             std::to_string(result.bounds.durable_tail.value) + "]");
  }
  if (from < result.bounds.durable_tail) {
    result.entries = CO_TRY(co_await home.reader().read(*stream, from, max_bytes));
  }
  co_return result;
}

base::Task<base::Result<std::optional<EntryRef>>> LiveStreamStore::find_timestamp(
    StreamId id, base::Timestamp timestamp, Offset from) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  co_return co_await channel(channel_of(id)).reader().find_timestamp(*stream, timestamp, from);
}

base::Task<base::Result<base::Timestamp>> LiveStreamStore::max_timestamp(StreamId id) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  CO_TRY(co_await streams_.load_segments(*stream));
  base::Timestamp largest = -1;
  for (const segment::SegmentRow& segment : stream->segments) {
    largest = std::max(largest, segment.range.max_timestamp);
  }
  for (size_t i = 0; i < stream->entries.size(); ++i) {
    const EntryHeader& header = stream->entries[i].chunk->header(stream->entries[i].index);
    if (header.end() <= stream->durable) largest = std::max(largest, header.max_timestamp);
  }
  co_return largest;
}

base::Task<base::Result<AnnotationAt>> LiveStreamStore::annotation(StreamId id) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  do {  // an offload that commits meanwhile brings a newer one
    CO_TRY(co_await channel(channel_of(id)).load_annotation(*stream));
  } while (!stream->annotation_loaded && !stream->gone());
  if (stream->gone()) co_return AnnotationAt{};
  AnnotationAt at{stream->annotation, stream->row.committed_end, {}};
  for (size_t i = 0; i < stream->entries.size(); ++i) {
    const channel::EntryAt& entry = stream->entries[i];
    const chunk::IndexedEntry& logged = entry.chunk->entries[entry.index];
    if (logged.header.end() > stream->durable) break;
    if (logged.header.base >= at.end) at.after.push_back({logged.header, logged.digest});
  }
  co_return at;
}

base::Task<base::Status> LiveStreamStore::watch(StreamId id, TailWatch& watch) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  stream->watchers.add(watch);
  co_return base::Status{};
}

bool LiveStreamStore::watch_known(StreamId id, TailWatch& watch) {
  StreamState* stream = streams_.find(id);
  if (stream != nullptr) stream->watchers.add(watch);
  return stream != nullptr;
}

// --- trim and delete ---

base::Task<base::Status> LiveStreamStore::trim(StreamId id, Offset to) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  if (to > stream->durable) {
    co_return base::fail(ErrorCode::kOutOfRange, "trim beyond the durable tail");
  }
  co_return co_await channel(channel_of(id)).rows().trim(*stream, to);
}

base::Task<base::Result<std::vector<StreamId>>> LiveStreamStore::written_streams(StreamId from,
                                                                                 StreamId end,
                                                                                 size_t limit) {
  std::vector<StreamId> found;
  if (from >= end) co_return found;
  std::string after;
  if (from > StreamId(0)) after = channel::stream_row_key(StreamId(from.value - 1));
  const auto rows =
      CO_TRY(co_await parts_.metadata.scan(std::string(channel::kStreamRowPrefix), after,
                                           std::min<uint64_t>(limit, end.value - from.value)));
  for (const metadata::KeyValue& row : rows) {
    const StreamId stream = channel::stream_of_row_key(row.key);
    if (stream >= end) break;
    found.push_back(stream);
  }
  co_return found;
}

// Records without a timestamp are as old as their segment.
base::Task<base::Result<base::Timestamp>> LiveStreamStore::newest_time(segment::SegmentRow row) {
  if (row.range.max_timestamp >= 0) co_return row.range.max_timestamp;
  const base::Timestamp committed = CO_TRY(co_await objects_.committed_at(row.object));
  co_return committed > 0 ? committed : std::numeric_limits<base::Timestamp>::max();
}

base::Task<base::Result<Offset>> LiveStreamStore::retain(StreamId id, RetentionPolicy policy) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  if (!stream->has_row) co_return stream->row.trim_point;
  CO_TRY(co_await streams_.load_segments(*stream));
  uint64_t bytes = 0;
  for (const segment::SegmentRow& segment : stream->segments) bytes += segment.range.bytes;
  const base::Timestamp oldest =
      policy.max_age_ms.has_value() ? parts_.clock.wall_now() - *policy.max_age_ms : INT64_MIN;
  Offset keep_from = stream->row.trim_point;
  for (;;) {
    // Looked up afresh: a trim or a merge may have come while the last one's age was read.
    const auto next = stream->segment_after(keep_from);
    if (next == stream->segments.end()) break;
    const segment::SegmentRow segment = *next;
    const bool too_many = policy.max_bytes.has_value() && bytes >= segment.range.bytes &&
                          bytes - segment.range.bytes >= *policy.max_bytes;
    const bool too_old = !too_many && policy.max_age_ms.has_value() &&
                         CO_TRY(co_await newest_time(segment)) < oldest;
    if (!too_old && !too_many) break;
    keep_from = segment.range.end;
    bytes -= std::min(bytes, segment.range.bytes);
  }
  if (keep_from > stream->row.trim_point) {
    CO_TRY(co_await channel(channel_of(id)).rows().trim(*stream, keep_from));
  }
  co_return stream->row.trim_point;
}

base::Task<base::Status> LiveStreamStore::remove(std::vector<StreamId> streams) {
  std::map<ChannelId, std::vector<StreamId>> by_channel;
  for (const StreamId id : streams) by_channel[channel_of(id)].push_back(id);
  for (auto& [id, ids] : by_channel) CO_TRY(co_await channel(id).rows().remove(std::move(ids)));
  // A stream without a row took no transaction, whose condition would have told of an owner that
  // has appended to it since.
  co_return co_await prove_ownership();
}

base::Task<base::Status> LiveStreamStore::fence(StreamId id, std::string token) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  co_return co_await channel(channel_of(id)).rows().fence(*stream, std::move(token));
}

base::Task<base::Result<uint64_t>> LiveStreamStore::stored_bytes(StreamId id) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  CO_TRY(co_await streams_.load_segments(*stream));
  uint64_t bytes = 0;
  for (const segment::SegmentRow& segment : stream->segments) bytes += segment.range.bytes;
  for (size_t i = 0; i < stream->entries.size(); ++i) {
    const EntryHeader& header = stream->entries[i].chunk->header(stream->entries[i].index);
    if (header.base >= stream->row.committed_end) bytes += header.length;
  }
  co_return bytes;
}

// --- background ---

// The rows of the channels are as they were opened until the first offload, which waits for this.
base::Task<void> LiveStreamStore::sweep_prepared() {
  std::vector<metadata::Condition> ownership;
  for (const auto& one : channels_) ownership.push_back(one->ownership());
  base::FailureLog log("removal of what an earlier owner did not finish");
  for (;;) {
    const base::Status swept = co_await objects_.sweep_prepared(ownership);
    if (swept.has_value()) log.worked();
    if (swept.has_value() || tasks_.stopping()) break;
    log.failed(swept.error().message);
    const ErrorCode code = swept.error().code;
    const bool mends = code == ErrorCode::kUnavailable || code == ErrorCode::kUnknownOutcome ||
                       code == ErrorCode::kNoSpace;
    if (!mends || !co_await tasks_.sleep_for(kSweepRetry)) break;
  }
  swept_.set();
}

base::Task<void> LiveStreamStore::housekeeping_loop() {
  // Before the first collection: what that takes away must not look unknown.
  const base::Status looked = co_await objects_.report_unknown(tasks_);
  if (!looked.has_value()) {
    base::log_warn("unknown segment objects: not looked for: " + looked.error().message);
  }
  base::FailureLog log("garbage collection");
  while (co_await tasks_.sleep_for(kHousekeepingInterval)) {
    streams_.sweep(kSweepPerRound);
    const base::Status collected = co_await objects_.collect_garbage();
    collected.has_value() ? log.worked() : log.failed(collected.error().message);
  }
}

base::Task<base::Status> LiveStreamStore::offload_all() {
  for (size_t i = 0; i < channels_.size(); ++i) CO_TRY(co_await channels_[i]->offload_all());
  co_return base::Status{};
}

uint64_t LiveStreamStore::outstanding_log_bytes() const {
  uint64_t bytes = 0;
  for (const auto& one : channels_) bytes += one->outstanding_log_bytes();
  return bytes;
}

}  // namespace stream
}  // namespace thalweg
