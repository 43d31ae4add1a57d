#include "streamcore/chunk/chunk_owner.h"

#include <algorithm>
#include <string>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::chunk {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Task;

uint64_t log_incarnation(const std::vector<uint64_t>& replica_incarnations) {
  CHECK(!replica_incarnations.empty());
  uint64_t mix = replica_incarnations.front();
  for (size_t i = 1; i < replica_incarnations.size(); ++i) {
    mix = (mix ^ (mix >> 29)) * 0xBF58476D1CE4E5B9ull + replica_incarnations[i];
  }
  return mix;
}

ChunkOwner::ChunkOwner(base::Executor& executor, std::vector<ChunkReplica*> replicas,
                       OwnerOptions options, OwnerListener& listener)
    : executor_(executor),
      options_(std::move(options)),
      listener_(listener),
      incarnation_(log_incarnation(options_.incarnations)),
      writes_(executor) {
  CHECK_EQ(replicas.size(), options_.incarnations.size());
  CHECK_GE(options_.window, 1u);
  CHECK_GE(options_.lag_chunks_max, options_.window);
  CHECK_LE(replicas.size(), 32u);  // bits of Slot::asked
  for (size_t i = 0; i < replicas.size(); ++i) {
    peers_.push_back({.replica = replicas[i], .incarnation = options_.incarnations[i]});
  }
}

ChunkOwner::~ChunkOwner() {
  if (resolve_timer_ != 0) executor_.cancel(resolve_timer_);
}

bool ChunkOwner::may_create() const {
  return !error_ && !joining_ && next_seq_ - durable_end_ < options_.window;
}

ChunkIds ChunkOwner::next_ids() const {
  return {.incarnation = incarnation_,
          .channel = options_.channel,
          .epoch = options_.epoch,
          .seq = next_seq_,
          .nonce = options_.nonce};
}

void ChunkOwner::submit(FinishedChunk chunk) {
  const ChunkHeader& header = chunk.header;
  CHECK(may_create());
  CHECK(header.kind == ChunkKind::kChunk);
  CHECK_EQ(header.seq.value, next_seq_.value);
  CHECK_EQ(header.channel.value, options_.channel.value);
  CHECK_EQ(header.epoch.value, options_.epoch.value);
  CHECK_EQ(header.nonce, options_.nonce);
  CHECK_EQ(header.incarnation, incarnation_);
  CHECK_LE(header.dw.value, durable_end_.value);  // an earlier watermark is true as well

  const auto slot = std::make_shared<Slot>(Slot{.chunk = std::move(chunk)});
  undurable_.push_back(slot);
  ++next_seq_;
  for (size_t i = 0; i < peers_.size(); ++i) ask(i, slot);
}

bool ChunkOwner::ask(size_t peer_index, std::shared_ptr<Slot> slot) {
  Peer& peer = peers_[peer_index];
  if (error_ || joining_ || !peer.alive || peer.in_flight >= options_.lag_chunks_max) return false;
  slot->asked |= 1u << peer_index;
  ++peer.in_flight;
  ++placing_;
  writes_.spawn(place(peer_index, std::move(slot)));
  return true;
}

void ChunkOwner::ask_again() {
  for (size_t i = 0; i < peers_.size(); ++i) {
    // A write that completes at once changes the queue, so each round looks afresh.
    for (size_t k = 0; k < undurable_.size(); ++k) {
      if ((undurable_[k]->asked >> i & 1) == 0 && !ask(i, undurable_[k])) break;
    }
  }
}

Task<void> ChunkOwner::place(size_t peer_index, std::shared_ptr<Slot> slot) {
  const bool placed = co_await place_until_known(peer_index, slot);
  --peers_[peer_index].in_flight;
  --placing_;
  if (placed) {
    copy_placed(*slot);
  }
  ask_again();
  if (error_ && placing_ == 0) announce_stop();
}

Task<bool> ChunkOwner::place_until_known(size_t peer_index, std::shared_ptr<Slot> slot) {
  Peer& peer = peers_[peer_index];
  const ChunkKey key = key_of(slot->chunk.header);
  base::Duration delay = options_.retry_delay_min;
  for (;;) {
    // P8: an answer counts only from the store the channel was opened on.
    if (is_foreign(peer)) {
      lose_peer(peer, {ErrorCode::kUnavailable, "the store is of another incarnation"});
      co_return false;
    }
    Result<PutOutcome> put = co_await peer.replica->put_if_absent(key, slot->chunk.slice());
    if (!put && put.error().code == ErrorCode::kUnavailable) {
      lose_peer(peer, put.error());
      co_return false;
    }
    if (put && *put == PutOutcome::kCreated && counts(peer)) co_return true;
    if (put && *put == PutOutcome::kExists && counts(peer)) {
      const Result<bool> mine = co_await holds_mine(peer.replica, slot->chunk.header);
      if (mine && *mine && counts(peer)) co_return true;
      if (!mine &&
          (mine.error().code == ErrorCode::kFenced || mine.error().code == ErrorCode::kCorrupt)) {
        begin_stop(mine.error());
        co_return false;
      }
    }
    // Unknown: the same bytes again, unless nobody needs this copy any more.
    const bool peer_lags = slot->durable && peer.in_flight >= options_.lag_chunks_max;
    if (error_ || joining_ || peer_lags || !peer.alive) co_return false;
    if (!co_await writes_.sleep_for(delay)) co_return false;
    if (error_) co_return false;
    delay = std::min(delay * 2, options_.retry_delay_max);
  }
}

Task<Result<bool>> ChunkOwner::holds_mine(ChunkReplica* replica, ChunkHeader mine) {
  Result<ChunkHeader> there = co_await replica->head(key_of(mine));
  if (!there) {
    // A register that exists and cannot be read says nothing yet.
    if (there.error().code == ErrorCode::kCorrupt) {
      base::log_error("chunk register is unreadable " + describe(mine) + ": " +
                      there.error().message);
    }
    co_return base::fail(ErrorCode::kUnknownOutcome, there.error().message);
  }
  if (there->kind == ChunkKind::kSeal) {
    co_return base::fail(ErrorCode::kFenced, "met a SEAL at " + describe(mine));
  }
  if (*there == mine) co_return true;
  co_return base::fail(ErrorCode::kCorrupt, "register holds foreign bytes, expected " +
                                                describe(mine) + " nonce " +
                                                std::to_string(mine.nonce) + ", got nonce " +
                                                std::to_string(there->nonce));
}

void ChunkOwner::copy_placed(Slot& slot) {
  ++slot.copies;
  if (!slot.durable && slot.copies >= quorum_of(peers_.size())) announce_durable();
}

void ChunkOwner::lease_renewed() { announce_durable(); }

void ChunkOwner::announce_durable() {
  if (stop_announced_) return;
  const size_t quorum = quorum_of(peers_.size());
  const ChunkSeq before = durable_end_;
  while (!undurable_.empty() && undurable_.front()->copies >= quorum && listener_.lease_holds()) {
    undurable_.front()->durable = true;
    undurable_.pop_front();
    ++durable_end_;
  }
  if (durable_end_ != before) listener_.on_durable(durable_end_);
}

void ChunkOwner::lose_peer(Peer& peer, const Error& error) {
  if (!peer.alive) return;
  peer.alive = false;
  base::log_warn("chunk replica lost channel=" + std::to_string(options_.channel.value) +
                 " epoch=" + std::to_string(options_.epoch.value) + ": " + error.message);
  const auto alive = std::ranges::count_if(peers_, &Peer::alive);
  if (static_cast<size_t>(alive) < quorum_of(peers_.size())) {
    begin_stop({ErrorCode::kUnavailable, "no quorum of replicas is alive: " + error.message});
  }
}

void ChunkOwner::begin_stop(Error error) {
  if (error_) return;
  error_ = std::move(error);
  writes_.request_stop();  // ends the pauses between repetitions
  resolve_timer_ = executor_.run_after(options_.resolve_time_max, [this] {
    resolve_timer_ = 0;
    announce_stop();
  });
}

void ChunkOwner::announce_stop() {
  if (stop_announced_ || joining_) return;
  stop_announced_ = true;
  if (resolve_timer_ != 0) executor_.cancel(std::exchange(resolve_timer_, 0));
  listener_.on_stopped(*error_);
}

Task<void> ChunkOwner::stop_and_join() {
  joining_ = true;
  co_await writes_.stop_and_join();
}

}  // namespace thalweg::chunk
