#include "streamcore/stream/live_channel.h"

#include <algorithm>

#include "streamcore/base/failure_log.h"
#include "streamcore/base/log.h"
#include "streamcore/chunk/recovery.h"

namespace thalweg::stream {

using base::ErrorCode;
using channel::StreamState;

namespace {
constexpr base::Duration kOffloadRetry = std::chrono::milliseconds(500);

// Errors of an offload that no repetition will mend: the log behind them can never be freed.
bool ends_channel(ErrorCode code) {
  return code == ErrorCode::kFenced || code == ErrorCode::kCorrupt ||
         code == ErrorCode::kUnsupported || code == ErrorCode::kClosed;
}
}  // namespace

LiveChannel::LiveChannel(Shared shared, std::vector<chunk::ChunkReplica*> replicas,
                         StreamStoreOptions options)
    : shared_(shared),
      replicas_(std::move(replicas)),
      options_(options),
      tail_(shared.tail_memory),
      row_(options_.channel, shared.parts.random.next()),
      gate_(shared.parts.executor),
      offloader_(offload_parts()),
      merger_(offload_parts()),
      reader_(replicas_, shared.streams, shared.segments),
      rows_({shared.parts.metadata, shared.streams, tail_, row_, gate_, shared.objects, options_}),
      offload_turn_(shared.parts.executor, 1),
      offload_look_(shared.parts.executor),
      tasks_(shared.parts.executor) {}

LiveChannel::~LiveChannel() = default;

channel::Offloader::Parts LiveChannel::offload_parts() {
  const StreamStore::Parts& parts = shared_.parts;
  return {parts.executor,   replicas_, parts.rules, parts.objects, parts.metadata,
          shared_.streams,  tail_,     row_,        gate_,         shared_.objects,
          shared_.segments, options_};
}

// --- opening and closing ---

base::Task<base::Status> LiveChannel::open(std::optional<channel::KnownChannel> known) {
  base::Status opened = co_await take_over_and_open(std::move(known));
  if (!opened.has_value()) co_await tasks_.stop_and_join();
  co_return opened;
}

base::Task<base::Status> LiveChannel::take_over_and_open(
    std::optional<channel::KnownChannel> known) {
  const StreamStore::Parts& parts = shared_.parts;
  channel::ChannelOpener opener({parts.executor, parts.random, parts.metadata, replicas_,
                                 shared_.streams, tail_, row_, options_, tasks_, parts.ahead});
  CO_TRY(co_await opener.take_over(std::move(known)));
  while (opener.must_drain()) {
    const base::Result<bool> drained = co_await offload_once(options_.offload_bytes_max);
    // A full disk starts and serves reads. The list cannot grow much by it: an epoch in which
    // nothing could be appended is not kept.
    if (!drained.has_value() && drained.error().code == ErrorCode::kNoSpace) break;
    CO_TRY(drained);
  }
  co_return co_await opener.open();
}

base::Task<void> LiveChannel::start() {
  co_await offloader_.free_chunks();  // what the last owner offloaded and did not come to free
  channel_ = std::make_unique<channel::Channel>(
      channel::Channel::Parts{shared_.parts.executor, replicas_, row_.row().incarnations,
                              shared_.parts.rules, shared_.streams, tail_, shared_.blocks, options_,
                              shared_.parts.lease},
      row_.row().epoch, row_.nonce(), [this] { chunk_became_durable(); });
  tasks_.spawn(offload_loop());
}

base::Task<base::Status> LiveChannel::stop() {
  tasks_.request_stop();
  offload_look_.notify_all();
  const auto end = co_await channel_->stop();
  co_await tasks_.stop_and_join();
  if (!end.has_value()) co_return std::unexpected(end.error());
  co_return co_await close(*end);
}

// Nothing is in flight; the SEAL is for a writer that does not know it yet (P7).
base::Task<base::Status> LiveChannel::close(ChunkSeq end) {
  CO_TRY(co_await chunk::seal_end(shared_.parts.executor, replicas_,
                                  {.channel = options_.channel,
                                   .epoch = channel_->epoch(),
                                   .incarnations = row_.row().incarnations,
                                   .sealer_nonce = row_.nonce(),
                                   .window = options_.chunk_window},
                                  end));
  channel::ChannelRow row = row_.row();
  row.state = channel::ChannelState::kClosed;
  row.undrained.back().end = end;
  if (row.undrained.back().g >= end) row.undrained.pop_back();
  metadata::Transaction close;
  close.conditions.push_back(row_.condition());
  close.set(row_.key(), channel::encode_channel_row(row));
  co_return co_await shared_.parts.metadata.commit(std::move(close));
}

StreamBounds LiveChannel::bounds_of(const StreamState& stream) const {
  if (stream.gone()) return {Offset(0), Offset(0), Offset(0), leader_epoch()};
  return {.trim_point = stream.row.trim_point,
          .durable_tail = stream.durable,
          .committed_end = stream.row.committed_end,
          .leader_epoch =
              stream.has_row ? stream.row.link.leader_epoch(channel_->epoch()) : leader_epoch()};
}

// --- offload ---

base::Task<base::Result<bool>> LiveChannel::offload_once(uint64_t bytes_max) {
  if (channel_) co_await shared_.swept.wait();
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
base::Task<base::Status> LiveChannel::merge_some() {
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

std::optional<base::Duration> LiveChannel::offload_due() {
  // Empty chunks alone are offloaded only if somebody waits for the room they take.
  const bool room_wanted = channel_->wants_room() && tail_.unoffloaded_count() > 0;
  if (room_wanted) return base::Duration(0);
  if (!tail_.has_unoffloaded_entries()) return std::nullopt;
  const channel::LoggedChunk& oldest = tail_.unoffloaded(0);
  const bool closed_epoch = oldest.key.epoch != channel_->epoch();
  if (closed_epoch || tail_.unoffloaded_bytes() >= options_.offload_bytes) return base::Duration(0);
  const base::Duration age = shared_.parts.executor.now() - oldest.created;
  const base::Duration limit = std::chrono::milliseconds(options_.offload_interval_ms);
  return std::max(base::Duration(0), limit - age);
}

base::Task<void> LiveChannel::offload_loop() {
  uint64_t bytes_max = options_.offload_bytes_max;
  base::FailureLog log("offload");
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
        log.failed(done.error().message);
        if (!co_await tasks_.sleep_for(kOffloadRetry)) co_return;
        continue;
      }
      log.worked();
      // A stop that came meanwhile has notified already.
      if (*done || tasks_.stopping()) continue;
    }
    base::TimerId timer = 0;
    if (due.has_value() && due->count() > 0) {
      offload_waits_for_age_ = true;
      timer = shared_.parts.executor.run_after(*due, [this] { offload_look_.notify_all(); });
    }
    co_await offload_look_.wait();
    offload_waits_for_age_ = false;
    if (timer != 0) shared_.parts.executor.cancel(timer);
  }
}

// While the loop only waits for the oldest chunk's age, a chunk more matters when it reaches the
// size.
void LiveChannel::chunk_became_durable() {
  const bool enough = tail_.unoffloaded_bytes() >= options_.offload_bytes || channel_->wants_room();
  if (offload_waits_for_age_ && !enough) return;
  offload_look_.notify_all();
}

base::Task<base::Status> LiveChannel::offload_all() {
  const ChunkSeq goal = channel_->durable_end();
  while (row_.row().undrained.front().epoch != channel_->epoch() ||
         row_.row().undrained.front().g < goal) {
    CO_TRY(co_await offload_once(options_.offload_bytes_max));
  }
  co_return base::Status{};
}

}  // namespace thalweg::stream
