#include "streamcore/stream/live_stream_store.h"

#include <algorithm>
#include <limits>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/channel/row_keys.h"

namespace thalweg {

base::Task<base::Result<std::unique_ptr<StreamStore>>> StreamStore::open(
    Parts parts, StreamStoreOptions options) {
  auto store = std::make_unique<stream::LiveStreamStore>(std::move(parts), options);
  CO_TRY(co_await store->open());
  co_return std::unique_ptr<StreamStore>(std::move(store));
}

namespace stream {

using base::ErrorCode;
using channel::StreamState;
using channel::StreamUse;

namespace {
constexpr uint64_t kStreamIdBlock = 10'000;
constexpr base::Duration kOffloadRetry = std::chrono::milliseconds(500);
constexpr base::Duration kHousekeepingInterval = std::chrono::seconds(5);
constexpr size_t kSweepPerRound = 20'000;

// Errors of an offload that no repetition will mend: the log behind them can never be freed.
bool ends_channel(ErrorCode code) {
  return code == ErrorCode::kFenced || code == ErrorCode::kCorrupt ||
         code == ErrorCode::kUnsupported || code == ErrorCode::kClosed;
}
}  // namespace

LiveStreamStore::LiveStreamStore(Parts parts, StreamStoreOptions options)
    : parts_(std::move(parts)),
      options_(options),
      streams_(parts_.metadata),
      tail_(options_.memory_tail_bytes_max),
      row_(options_.channel, parts_.random.next()),
      gate_(parts_.executor),
      cache_(parts_.executor, options_.block_cache_bytes_max),
      segment_reader_(parts_.executor, parts_.objects, cache_,
                      segment::ReaderOptions{.gets_ahead_max = options_.read_gets_ahead_max}),
      objects_(parts_.executor, parts_.clock, parts_.objects, parts_.metadata, options_),
      stream_ids_(parts_.executor, parts_.metadata, std::string(channel::kNextStreamKey),
                  kStreamIdBlock),
      offloader_(offload_parts()),
      merger_(offload_parts()),
      reader_(parts_.replicas, streams_, segment_reader_),
      rows_({parts_.metadata, streams_, tail_, row_, gate_, objects_, options_}),
      offload_turn_(parts_.executor, 1),
      offload_look_(parts_.executor),
      tasks_(parts_.executor) {}

LiveStreamStore::~LiveStreamStore() = default;

channel::Offloader::Parts LiveStreamStore::offload_parts() {
  return {parts_.executor, parts_.replicas, parts_.rules,    parts_.objects,
          parts_.metadata, streams_,        tail_,           row_,
          gate_,           objects_,        segment_reader_, options_};
}

base::Task<base::Status> LiveStreamStore::open() {
  base::Status opened = co_await open_channel();
  if (!opened.has_value()) co_await tasks_.stop_and_join();
  co_return opened;
}

base::Task<base::Status> LiveStreamStore::open_channel() {
  channel::ChannelOpener opener({parts_.executor, parts_.random, parts_.metadata, parts_.replicas,
                                 streams_, tail_, row_, options_, tasks_});
  CO_TRY(co_await opener.take_over());
  while (opener.must_drain()) {
    const base::Result<bool> drained = co_await offload_once(options_.offload_bytes_max);
    // A full disk starts and serves reads. The list cannot grow much by it: an epoch in which
    // nothing could be appended is not kept.
    if (!drained.has_value() && drained.error().code == ErrorCode::kNoSpace) break;
    CO_TRY(drained);
  }
  CO_TRY(co_await opener.open());
  CO_TRY(co_await objects_.sweep_prepared(row_.condition()));
  co_await offloader_.free_chunks();  // what the last owner offloaded and did not come to free
  channel_ = std::make_unique<channel::Channel>(
      channel::Channel::Parts{parts_.executor, parts_.replicas, row_.row().incarnations,
                              parts_.rules, streams_, tail_, options_, parts_.lease},
      row_.row().epoch, row_.nonce(), [this] { chunk_became_durable(); });
  tasks_.spawn(offload_loop());
  tasks_.spawn(housekeeping_loop());
  co_return base::Status{};
}

void LiveStreamStore::request_stop() { channel_->request_stop(); }

base::Task<base::Status> LiveStreamStore::stop() {
  tasks_.request_stop();
  offload_look_.notify_all();
  const auto end = co_await channel_->stop();
  co_await tasks_.stop_and_join();
  co_await segment_reader_.stop_and_join();
  if (!end.has_value()) co_return std::unexpected(end.error());
  // A clean close: nothing is in flight; the SEAL is for a writer that does not know it yet (P7).
  CO_TRY(co_await chunk::seal_end(parts_.executor, parts_.replicas,
                                  {.channel = options_.channel,
                                   .epoch = channel_->epoch(),
                                   .incarnations = row_.row().incarnations,
                                   .sealer_nonce = row_.nonce(),
                                   .window = options_.chunk_window},
                                  *end));
  channel::ChannelRow row = row_.row();
  row.state = channel::ChannelState::kClosed;
  row.undrained.back().end = *end;
  if (row.undrained.back().g >= *end) row.undrained.pop_back();
  metadata::Transaction close;
  close.conditions.push_back(row_.condition());
  close.set(row_.key(), channel::encode_channel_row(row));
  co_return co_await parts_.metadata.commit(std::move(close));
}

bool LiveStreamStore::stopped() const { return channel_->stopped(); }

bool LiveStreamStore::is_owner() const { return parts_.lease == nullptr || parts_.lease->valid(); }

base::Task<base::Status> LiveStreamStore::prove_ownership() {
  if (parts_.lease == nullptr) co_return base::Status{};
  co_return co_await parts_.lease->prove();
}

// --- append ---

base::Task<base::Result<StreamId>> LiveStreamStore::allocate_streams(uint64_t count) {
  co_return StreamId(CO_TRY(co_await stream_ids_.take(count)));
}

base::Task<base::Status> LiveStreamStore::open_for_append(std::vector<StreamId> streams) {
  std::vector<StreamId> rowless;
  for (const StreamId id : streams) {
    const StreamUse stream = CO_TRY(co_await streams_.load(id));
    if (!stream->has_row) rowless.push_back(id);
  }
  if (rowless.empty()) co_return base::Status{};
  co_return co_await rows_.create(std::move(rowless));
}

bool LiveStreamStore::is_open_for_append(StreamId id) const {
  const StreamState* stream = streams_.find(id);
  return stream != nullptr && stream->has_row;
}

base::Task<base::Status> LiveStreamStore::admit(uint64_t bytes, base::Duration time_max) {
  return channel_->admit(bytes, time_max);
}

bool LiveStreamStore::admits(uint64_t bytes) const { return channel_->admits(bytes); }

base::Result<Appended> LiveStreamStore::append(const AppendRequest& request) {
  return channel_->append(request);
}

LogPosition LiveStreamStore::last_position() const { return channel_->last_position(); }

base::Task<base::Status> LiveStreamStore::durable(LogPosition position) {
  return channel_->durable(position);
}

std::optional<base::Status> LiveStreamStore::durability(LogPosition position) const {
  return channel_->durability(position);
}

void LiveStreamStore::wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle) {
  channel_->wait_durable(waiter, handle);
}

Offset LiveStreamStore::next_offset(StreamId id) const {
  const StreamState* stream = streams_.find(id);
  CHECK(stream != nullptr);
  return stream->next;
}

// --- read ---

LeaderEpoch LiveStreamStore::channel_leader_epoch() const {
  return channel::first_leader_epoch(channel_->epoch());
}

StreamBounds LiveStreamStore::bounds_of(const StreamState& stream) const {
  if (stream.gone()) return {Offset(0), Offset(0), Offset(0), channel_leader_epoch()};
  return {.trim_point = stream.row.trim_point,
          .durable_tail = stream.durable,
          .committed_end = stream.row.committed_end,
          .leader_epoch = stream.has_row ? stream.row.link.leader_epoch(channel_->epoch())
                                         : channel_leader_epoch()};
}

base::Task<base::Result<StreamBounds>> LiveStreamStore::bounds(StreamId id) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  co_return bounds_of(*stream);
}

std::optional<StreamBounds> LiveStreamStore::known_bounds(StreamId id) const {
  const StreamState* stream = streams_.find(id);
  if (stream == nullptr) return std::nullopt;
  return bounds_of(*stream);
}

base::Task<base::Result<ReadResult>> LiveStreamStore::read(StreamId id, Offset from,
                                                           size_t max_bytes) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  ReadResult result;
  result.bounds = bounds_of(*stream);
  if (from < result.bounds.trim_point || from > result.bounds.durable_tail) {
    co_return base::fail(ErrorCode::kOutOfRange,
                         "offset " + std::to_string(from.value) + " is outside [" +
                             std::to_string(result.bounds.trim_point.value) + ", " +
                             std::to_string(result.bounds.durable_tail.value) + "]");
  }
  if (from < result.bounds.durable_tail) {
    result.entries = CO_TRY(co_await reader_.read(*stream, from, max_bytes));
  }
  co_return result;
}

base::Task<base::Result<std::optional<EntryRef>>> LiveStreamStore::find_timestamp(
    StreamId id, base::Timestamp timestamp, Offset from) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  co_return co_await reader_.find_timestamp(*stream, timestamp, from);
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
    CO_TRY(co_await offloader_.load_annotation(*stream));
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
  co_return co_await rows_.trim(*stream, to);
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
  if (keep_from > stream->row.trim_point) CO_TRY(co_await rows_.trim(*stream, keep_from));
  co_return stream->row.trim_point;
}

base::Task<base::Status> LiveStreamStore::remove(std::vector<StreamId> streams) {
  return rows_.remove(std::move(streams));
}

base::Task<base::Status> LiveStreamStore::fence(StreamId id, std::string token) {
  const StreamUse stream = CO_TRY(co_await streams_.load(id));
  co_return co_await rows_.fence(*stream, std::move(token));
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

base::Task<base::Result<bool>> LiveStreamStore::offload_once(uint64_t bytes_max) {
  co_await offload_turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{offload_turn_};
  // Before the channel is open everything in the tail belongs to closed epochs.
  const ChannelEpoch open_epoch = channel_ ? channel_->epoch() : ChannelEpoch(0);
  const ChunkSeq durable_end = channel_ ? channel_->durable_end() : ChunkSeq(0);
  const size_t count = channel::chunks_to_offload(tail_, open_epoch, durable_end, bytes_max);
  if (count == 0) co_return false;
  const base::Status done = co_await offloader_.run(count);
  if (channel_) {
    channel_->offload_out_of_space(!done.has_value() && done.error().code == ErrorCode::kNoSpace);
    channel_->space_freed();
  }
  if (!done.has_value()) co_return std::unexpected(done.error());
  CO_TRY(co_await merge_some());
  co_return true;
}

// While more waits to be offloaded only so many streams are merged that the rest follow before they
// have twice the ranges: all at once would hold up the log for seconds.
base::Task<base::Status> LiveStreamStore::merge_some() {
  const size_t bound = options_.packed_ranges_max;
  const size_t share = (offloader_.merges_wanted() + bound - 1) / bound;
  for (size_t merges = 0;; ++merges) {
    const bool busy = !channel_ || offload_due() == base::Duration(0);
    if (busy && merges >= share) break;
    const std::optional<StreamId> stream = offloader_.next_merge();
    if (!stream.has_value()) break;
    const base::Status merged = co_await merger_.merge(*stream);
    if (merged.has_value()) continue;
    if (merged.error().code == ErrorCode::kFenced) co_return merged;
    // The ranges stay as they are, and readable as far as they are whole.
    base::log_warn("merge of stream " + std::to_string(stream->value) + ": " +
                   merged.error().message);
  }
  co_return base::Status{};
}

std::optional<base::Duration> LiveStreamStore::offload_due() {
  // Empty chunks alone are offloaded only if somebody waits for the room they take.
  const bool room_wanted = channel_->wants_room() && tail_.unoffloaded_count() > 0;
  if (room_wanted) return base::Duration(0);
  if (!tail_.has_unoffloaded_entries()) return std::nullopt;
  const channel::LoggedChunk& oldest = tail_.unoffloaded(0);
  const bool closed_epoch = oldest.key.epoch != channel_->epoch();
  if (closed_epoch || tail_.unoffloaded_bytes() >= options_.offload_bytes) return base::Duration(0);
  const base::Duration age = parts_.executor.now() - oldest.created;
  const base::Duration limit = std::chrono::milliseconds(options_.offload_interval_ms);
  return std::max(base::Duration(0), limit - age);
}

base::Task<void> LiveStreamStore::offload_loop() {
  uint64_t bytes_max = options_.offload_bytes_max;
  while (!tasks_.stopping()) {
    const auto due = offload_due();
    if (due.has_value() && due->count() == 0) {
      const base::Result<bool> done = co_await offload_once(bytes_max);
      bytes_max = options_.offload_bytes_max;
      if (!done.has_value()) {
        // Metadata that ended for this same stop is no failure.
        if (tasks_.stopping() && done.error().code == ErrorCode::kClosed) co_return;
        if (ends_channel(done.error().code)) {
          channel_->on_stopped({done.error().code, "offload: " + done.error().message});
          co_return;
        }
        base::log_warn("offload: will be tried again: " + done.error().message);
        if (!co_await tasks_.sleep_for(kOffloadRetry)) co_return;
        continue;
      }
      // A stop that came meanwhile has notified already.
      if (*done || tasks_.stopping()) continue;
    }
    base::TimerId timer = 0;
    if (due.has_value() && due->count() > 0) {
      offload_waits_for_age_ = true;
      timer = parts_.executor.run_after(*due, [this] { offload_look_.notify_all(); });
    }
    co_await offload_look_.wait();
    offload_waits_for_age_ = false;
    if (timer != 0) parts_.executor.cancel(timer);
  }
}

// While the loop only waits for the oldest chunk's age, a chunk more matters when it reaches the
// size.
void LiveStreamStore::chunk_became_durable() {
  const bool enough = tail_.unoffloaded_bytes() >= options_.offload_bytes || channel_->wants_room();
  if (offload_waits_for_age_ && !enough) return;
  offload_look_.notify_all();
}

base::Task<void> LiveStreamStore::housekeeping_loop() {
  // Before the first collection: what that takes away must not look unknown.
  const base::Status looked = co_await objects_.report_unknown(tasks_);
  if (!looked.has_value()) {
    base::log_warn("unknown segment objects: not looked for: " + looked.error().message);
  }
  while (co_await tasks_.sleep_for(kHousekeepingInterval)) {
    streams_.sweep(kSweepPerRound);
    const base::Status collected = co_await objects_.collect_garbage();
    if (!collected.has_value()) {
      base::log_warn("garbage collection: will be tried again: " + collected.error().message);
    }
  }
}

base::Task<base::Status> LiveStreamStore::offload_all() {
  const ChunkSeq goal = channel_->durable_end();
  while (row_.row().undrained.front().epoch != channel_->epoch() ||
         row_.row().undrained.front().g < goal) {
    CO_TRY(co_await offload_once(options_.offload_bytes_max));
  }
  co_return base::Status{};
}

uint64_t LiveStreamStore::outstanding_log_bytes() const { return tail_.unoffloaded_bytes(); }

}  // namespace stream
}  // namespace thalweg
