#include "streamcore/channel/channel.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::channel {

using base::ErrorCode;

namespace {

// What an append may cost the log beyond its framed bytes: its index entry, and a chunk's header
// and padding should it travel alone.
constexpr uint64_t kChunkOverheadMax = 3 * base::kIoAlignment;
// A client gathers for some milliseconds, too. Of one that sends a good part of a chunk each time
// the next is waited for; one that sends little may wait for these acknowledgements itself.
constexpr uint64_t kFillingPart = 4;
constexpr int kFillingLingers = 2;
constexpr base::Duration kReadyRetry = std::chrono::milliseconds(200);
constexpr base::Duration kOverdueCheck = std::chrono::seconds(1);

// Where puts are paid one by one, the entry that fills a chunk may pass its target: chunks cut
// before it would be half an entry shorter.
uint64_t chunk_bytes_max(const StreamStoreOptions& options) {
  const uint64_t target = options.chunk_bytes_target;
  return options.chunks_wait() ? base::align_up(target + target / 4, base::kIoAlignment) : target;
}

uint32_t lag_chunks_max(const StreamStoreOptions& options) {
  const uint64_t chunks = options.replica_lag_bytes_max / options.chunk_bytes_target;
  return std::max(options.chunk_window, static_cast<uint32_t>(std::min<uint64_t>(chunks, 64)));
}

}  // namespace

// Where chunks wait, the end of a block in which no full one fits is not used.
size_t arena_block_bytes(const StreamStoreOptions& options) {
  constexpr size_t kBlockBytesMin = 8 << 20;
  const uint64_t chunks_in_block = options.chunks_wait() ? 4 : 1;
  return std::max<uint64_t>(kBlockBytesMin, chunks_in_block * chunk_bytes_max(options));
}

// A chunk that takes appends, or is full and waits for a slot.
struct Channel::OpenChunk {
  OpenChunk(base::Slice r, uint64_t bytes_max)
      : region(std::move(r)),
        builder(region.owner, static_cast<uint64_t>(region.bytes.data() - region.owner.data()),
                std::min<uint64_t>(region.bytes.size(), bytes_max)) {}
  base::Slice region;
  chunk::ChunkBuilder builder;
  std::vector<StreamState*> streams;
  uint64_t footprint = kChunkOverheadMax;
  base::TimePoint opened;  // if chunks wait for more
  bool full = false;
};

Channel::Channel(Parts parts, ChannelEpoch epoch, uint64_t nonce, base::Callback moved)
    : executor_(parts.executor),
      replicas_(std::move(parts.replicas)),
      rules_(parts.rules),
      streams_(parts.streams),
      tail_(parts.tail),
      options_(parts.options),
      lease_(parts.lease),
      epoch_(epoch),
      moved_(std::move(moved)),
      arena_(parts.blocks),
      admission_turn_(parts.executor, 1),
      admission_changed_(parts.executor),
      durable_waiters_(parts.executor),
      tasks_(parts.executor) {
  owner_ = std::make_unique<chunk::ChunkOwner>(
      executor_, replicas_,
      chunk::OwnerOptions{.channel = options_.channel,
                          .epoch = epoch_,
                          .incarnations = std::move(parts.incarnations),
                          .nonce = nonce,
                          .window = options_.chunk_window,
                          .lag_chunks_max = lag_chunks_max(options_)},
      *this);
  if (lease_ != nullptr) lease_->listen(*this);
  keep_log_ready();
}

Channel::~Channel() {
  if (lease_ != nullptr) lease_->forget(*this);
  if (idle_timer_ != 0) executor_.cancel(idle_timer_);
  if (linger_timer_ != 0) executor_.cancel(linger_timer_);
  if (overdue_timer_ != 0) executor_.cancel(overdue_timer_);
}

base::Error Channel::stop_error() const {
  if (stop_error_.has_value()) return *stop_error_;
  return {ErrorCode::kClosed, "the channel is closing"};
}

// --- admission ---

uint64_t Channel::ready_log_bytes(uint64_t longest) const {
  uint64_t ready = UINT64_MAX;
  for (chunk::ChunkReplica* replica : replicas_) {
    ready = std::min(ready, replica->ready_bytes(options_.channel, longest));
  }
  return ready;
}

bool Channel::outstanding_full(uint64_t bytes) const {
  // What an earlier epoch left does not count: the first append after a restart must not wait for
  // the drain.
  const uint64_t outstanding = tail_.own_unoffloaded_bytes() + unwritten_bytes_;
  return outstanding > 0 &&
         outstanding + bytes + kChunkOverheadMax > options_.outstanding_log_bytes_max;
}

Channel::Admission Channel::admission(uint64_t bytes) const {
  if (stop_error_.has_value() || closing_) return Admission::kStopped;
  const uint64_t cost = bytes + kChunkOverheadMax;
  if (outstanding_full(bytes)) {
    return offload_full_ ? Admission::kNoSpace : Admission::kWait;
  }
  if (unwritten_bytes_ > 0 && unwritten_bytes_ + cost > options_.unwritten_bytes_max) {
    return Admission::kWait;
  }
  if (ready_log_bytes(cost) < unwritten_bytes_ + cost) {
    return log_full_ ? Admission::kNoSpace : Admission::kWait;
  }
  return Admission::kOpen;
}

bool Channel::admits(uint64_t bytes) const {
  return admission_turn_.used() == 0 && has_room(bytes);
}

base::Task<base::Status> Channel::admit(uint64_t bytes, base::Duration time_max) {
  const base::TimePoint begun = executor_.now();
  co_await admission_turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }  // wakes the next only after the caller has appended
  } release{admission_turn_};
  for (;;) {
    switch (admission(bytes)) {
      case Admission::kOpen: co_return base::Status{};
      case Admission::kStopped: co_return std::unexpected(stop_error());
      case Admission::kNoSpace: co_return base::fail(ErrorCode::kNoSpace, "no space for the log");
      case Admission::kWait: break;
    }
    if (stopping_) {
      co_return base::fail(ErrorCode::kClosed, "the store stops before there is room in the log");
    }
    if (time_max != kNoTimeLimit && executor_.now() - begun >= time_max) {
      co_return base::fail(ErrorCode::kUnavailable, "the log had no room in time");
    }
    const uint64_t wanted = unwritten_bytes_ + bytes + kChunkOverheadMax;
    ready_wanted_ = std::max(ready_wanted_, wanted);
    if (ready_log_bytes(wanted) < wanted && !making_ready_) {
      tasks_.spawn(make_log_ready());
      if (admission(bytes) != Admission::kWait) continue;  // it was quick
    }
    if (outstanding_full(bytes)) {
      room_wanted_ = true;
      moved_();
    }
    if (time_max != kNoTimeLimit) arm_overdue();
    co_await admission_changed_.wait();
  }
}

void Channel::keep_log_ready() {
  if (making_ready_ || stop_error_.has_value() || closing_) return;
  if (ready_log_bytes() >= unwritten_bytes_ + options_.log_ready_bytes_min) return;
  tasks_.spawn(make_log_ready());
}

base::Task<void> Channel::make_log_ready() {
  making_ready_ = true;
  while (!tasks_.stopping() && !stop_error_.has_value()) {
    const uint64_t wanted =
        std::max(ready_wanted_, unwritten_bytes_ + options_.log_ready_bytes_min);
    ready_wanted_ = 0;
    bool full = false;
    for (chunk::ChunkReplica* replica : replicas_) {
      const base::Status made = co_await replica->make_ready(options_.channel, wanted);
      if (!made.has_value()) {
        full = true;
        if (!log_full_) base::log_warn("chunk log: cannot get log space: " + made.error().message);
      }
    }
    log_full_ = full;
    admission_changed_.notify_all();
    if (!full && ready_log_bytes() >= unwritten_bytes_ + options_.log_ready_bytes_min &&
        ready_wanted_ <= ready_log_bytes(ready_wanted_)) {
      break;
    }
    if (full && !co_await tasks_.sleep_for(kReadyRetry)) break;
  }
  making_ready_ = false;
}

void Channel::space_freed() {
  room_wanted_ = false;
  keep_log_ready();
  admission_changed_.notify_all();
}

void Channel::offload_out_of_space(bool out_of_space) {
  offload_full_ = out_of_space;
  admission_changed_.notify_all();
}

// --- append ---

Channel::OpenChunk& Channel::chunk_for(size_t payload_length) {
  if (!open_.empty() && !open_.back().full) {
    OpenChunk& last = open_.back();
    if (last.builder.fits(payload_length)) return last;
    close_chunk(last);
  }
  const size_t alone = chunk::ChunkBuilder::bytes_needed(payload_length);
  const uint64_t bytes_max = std::max<uint64_t>(alone, chunk_bytes_max(options_));
  base::Slice region = arena_.take(waits() ? bytes_max : alone);
  open_.emplace_back(std::move(region), bytes_max);
  if (waits()) open_.back().opened = executor_.now();
  unwritten_bytes_ += kChunkOverheadMax;
  return open_.back();
}

void Channel::close_chunk(OpenChunk& chunk) {
  chunk.full = true;
  arena_.give_back(chunk.region, chunk.builder.finished_length());
}

base::Result<Appended> Channel::append(const AppendRequest& request) {
  if (stop_error_.has_value() || closing_) return std::unexpected(stop_error());
  StreamState* stream = streams_.find(request.stream);
  if (stream == nullptr || stream->deleted || !stream->has_row) {
    return base::fail(ErrorCode::kNotFound, "no such stream");
  }
  if (request.payload.size() > kEntryBytesMax) {
    return base::fail(ErrorCode::kTooLarge, "entry of " + std::to_string(request.payload.size()) +
                                                " bytes, limit " + std::to_string(kEntryBytesMax));
  }
  CHECK_GE(request.count, 1u);
  if (request.fencing_token.has_value() && *request.fencing_token != stream->row.fencing_token) {
    return base::fail(ErrorCode::kConditionFailed, "fencing token mismatch");
  }
  if (request.match_offset.has_value() && *request.match_offset != stream->next) {
    return base::fail(ErrorCode::kConditionFailed,
                      "next offset is " + std::to_string(stream->next.value));
  }
  const EntryHeader header{.stream = request.stream,
                           .base = stream->next,
                           .max_timestamp = request.max_timestamp,
                           .count = request.count,
                           .length = static_cast<uint32_t>(request.payload.size()),
                           .leader_epoch = stream->row.link.leader_epoch(epoch_)};
  OpenChunk& open = chunk_for(request.payload.size());
  const std::byte* const payload = open.builder.add(
      header, request.payload, rules_.digest(request.payload),
      [&](std::byte* copy) { rules_.stamp(copy, header.base, header.leader_epoch); });
  open.streams.push_back(stream);
  const uint64_t cost = framed_entry_bytes(request.payload.size());
  open.footprint += cost;
  unwritten_bytes_ += cost;
  stream->next += request.count;
  if (waits() && open.builder.bytes() >= options_.chunk_bytes_target) close_chunk(open);
  schedule_pump();
  return Appended{.base = header.base,
                  .leader_epoch = header.leader_epoch,
                  .position = last_position(),
                  .payload = {payload, request.payload.size()}};
}

ChunkSeq Channel::last_seq() const {
  const ChunkSeq next = owner_->next_seq() + open_.size();
  return next.value == 0 ? next : next - 1;
}

// --- writing ---

// Chunks are cut at the end of the loop turn: everything that arrived in it travels together.
void Channel::schedule_pump() {
  if (pump_scheduled_) return;
  pump_scheduled_ = true;
  executor_.post([this] {
    pump_scheduled_ = false;
    if (waits()) last_arrival_ = executor_.now();
    pump();
  });
}

void Channel::pump() {
  while (!stop_error_.has_value() && may_submit()) submit_front();
  if (waits()) arm_linger();
  keep_log_ready();
}

// Each put costs the same however little it carries. What comes alone is not held up long; a stream
// of entries fills its chunks. One that is already full for a good part is worth a longer wait.
base::TimePoint Channel::linger_end() const {
  const OpenChunk& next = open_.front();
  if (closing_ || next.builder.empty()) return base::TimePoint();
  const bool filling = next.builder.bytes() >= options_.chunk_bytes_target / kFillingPart;
  const base::Duration gap = options_.chunk_linger_min * (filling ? kFillingLingers : 1);
  return std::min(next.opened + options_.chunk_linger_max, last_arrival_ + gap);
}

void Channel::arm_linger() {
  if (linger_timer_ != 0 || stop_error_.has_value() || open_.empty() || !owner_->may_create()) {
    return;  // else a chunk that becomes durable comes here again
  }
  linger_timer_ = executor_.run_after(linger_end() - executor_.now(), [this] {
    linger_timer_ = 0;
    pump();
  });
}

// While a write is on its way, a small chunk gathers more: sent after it, it would be durable no
// sooner, and those that come next would wait for both.
bool Channel::may_submit() const {
  if (open_.empty() || !owner_->may_create()) return false;
  const OpenChunk& next = open_.front();
  if (waits()) return next.full || linger_end() <= executor_.now();
  return in_flight_.empty() || next.full ||
         next.builder.bytes() >= options_.chunk_bytes_overlap_min;
}

void Channel::submit_front() {
  OpenChunk& open = open_.front();
  if (!open.full) arena_.give_back(open.region, open.builder.finished_length());
  chunk::FinishedChunk finished = open.builder.finish(owner_->next_ids(), owner_->durable_end());
  auto logged = std::make_unique<LoggedChunk>();
  logged->key = {.channel = options_.channel, .epoch = epoch_, .seq = owner_->next_seq()};
  logged->bytes = finished.slice();
  logged->length = finished.length;
  logged->entries = std::move(finished.entries);
  logged->streams = std::move(open.streams);
  logged->created = executor_.now();
  last_chunk_empty_ = logged->entries.empty();
  unwritten_bytes_ -= open.footprint;
  open_.pop_front();
  // Deleted while it waited here: its entries are nobody's any more.
  for (size_t i = 0; i < logged->streams.size(); ++i) {
    StreamState*& stream = logged->streams[i];
    if (!stream->gone()) continue;
    stream->durable = logged->entries[i].header.end();
    stream = nullptr;
  }
  in_flight_.push_back(&tail_.push(std::move(logged)));
  owner_->submit(std::move(finished));
}

void Channel::on_durable(ChunkSeq end) {
  while (!in_flight_.empty() && in_flight_.front()->key.seq < end) {
    LoggedChunk& chunk = *in_flight_.front();
    in_flight_.pop_front();
    for (size_t i = 0; i < chunk.streams.size(); ++i) {
      StreamState* stream = chunk.streams[i];
      if (stream == nullptr) continue;
      stream->durable = chunk.entries[i].header.end();
      // Once per run of one stream's entries; readers look at the tail, not at the steps.
      const bool last = i + 1 == chunk.streams.size() || chunk.streams[i + 1] != stream;
      if (last && !stream->watchers.empty()) stream->watchers.notify(stream->id, stream->durable);
    }
  }
  while (!durable_waiters_.empty() &&
         static_cast<DurableWaiter*>(durable_waiters_.front())->position.seq < end) {
    durable_waiters_.wake_front();
  }
  pump();
  admission_changed_.notify_all();
  moved_();
  if (open_.empty() && in_flight_.empty() && !last_chunk_empty_) arm_idle_chunk();
}

// An idle channel writes one empty chunk that carries its final durable watermark, so that a
// damaged chunk below it can never be taken for a torn end.
void Channel::arm_idle_chunk() {
  if (idle_timer_ != 0) executor_.cancel(idle_timer_);
  idle_timer_ =
      executor_.run_after(std::chrono::milliseconds(options_.idle_empty_chunk_ms), [this] {
        idle_timer_ = 0;
        const bool idle = open_.empty() && in_flight_.empty() && !last_chunk_empty_;
        if (!idle || stop_error_.has_value() || closing_) return;
        if (ready_log_bytes() < kChunkOverheadMax) return;
        chunk_for(0);
        pump();
      });
}

std::optional<base::Status> Channel::durability(ChunkSeq seq) const {
  if (durable_end() > seq || seq >= owner_->next_seq() + open_.size()) {
    return base::Status{};
  }
  if (!stop_error_.has_value()) return std::nullopt;
  return base::fail(ErrorCode::kUnknownOutcome, stop_error_->message);
}

void Channel::wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle) {
  if (waiter.time_max != kNoTimeLimit) {
    waiter.deadline = executor_.now() + waiter.time_max;
    arm_overdue();
  }
  durable_waiters_.push(waiter, handle);
}

// One timer for everybody, so that a limit costs no append anything.
void Channel::arm_overdue() {
  if (overdue_timer_ != 0) return;
  overdue_timer_ = executor_.run_after(kOverdueCheck, [this] {
    overdue_timer_ = 0;
    wake_overdue();
  });
}

void Channel::wake_overdue() {
  const base::TimePoint now = executor_.now();
  durable_waiters_.wake_if([now](base::WaitQueue::Node& node) {
    const auto& waiter = static_cast<DurableWaiter&>(node);
    return waiter.time_max != kNoTimeLimit && waiter.deadline <= now;
  });
  if (!durable_waiters_.empty()) arm_overdue();
  admission_changed_.notify_all();  // who still waits there arms the timer again
}

base::Task<base::Status> Channel::durable(ChunkSeq seq) {
  struct Awaiter {
    Channel& channel;
    DurableWaiter waiter;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) { channel.wait_durable(waiter, handle); }
    void await_resume() const {}
  };
  for (;;) {
    if (std::optional<base::Status> known = durability(seq)) co_return std::move(*known);
    Awaiter awaiter{*this, {}};
    awaiter.waiter.position = {options_.channel, seq};
    co_await awaiter;
  }
}

void Channel::on_stopped(base::Error error) {
  if (stop_error_.has_value()) return;
  base::log_error("chunk log: stopped, no more appends: " + error.message);
  stop_error_ = std::move(error);
  admission_changed_.notify_all();
  durable_waiters_.wake_all();
  if (lease_ != nullptr && stop_error_->code == ErrorCode::kFenced) lease_->doubt();
}

void Channel::request_stop() {
  stopping_ = true;
  admission_changed_.notify_all();
}

base::Task<base::Result<ChunkSeq>> Channel::stop() {
  closing_ = true;
  if (idle_timer_ != 0) executor_.cancel(std::exchange(idle_timer_, 0));
  admission_changed_.notify_all();
  if (waits()) pump();
  base::Status flushed;
  while (flushed.has_value() && (!open_.empty() || !in_flight_.empty())) {
    flushed = co_await durable(last_seq());
  }
  co_await tasks_.stop_and_join();
  co_await owner_->stop_and_join();
  if (overdue_timer_ != 0) executor_.cancel(std::exchange(overdue_timer_, 0));
  if (!flushed.has_value()) co_return std::unexpected(flushed.error());
  co_return owner_->next_seq();
}

}  // namespace thalweg::channel
