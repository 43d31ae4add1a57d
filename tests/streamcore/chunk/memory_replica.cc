#include "tests/streamcore/chunk/memory_replica.h"

#include <string>

#include "streamcore/base/sync.h"

namespace thalweg::chunk {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

PutOutcome MemoryStore::put(const ChunkKey& key, ByteView bytes) {
  if (registers_.contains(key)) return PutOutcome::kExists;
  const base::Buffer copy = base::Buffer::copy_of(bytes);
  registers_[key] = {copy, {copy.data(), bytes.size()}};
  if (on_created) on_created(key);
  return PutOutcome::kCreated;
}

const Slice* MemoryStore::get(const ChunkKey& key) const {
  const auto found = registers_.find(key);
  return found == registers_.end() ? nullptr : &found->second;
}

std::vector<ChunkKey> MemoryStore::list(ChannelId channel, ChannelEpoch epoch) const {
  std::vector<ChunkKey> keys;
  for (const auto& [key, bytes] : registers_) {
    if (key.channel == channel && key.epoch == epoch) keys.push_back(key);
  }
  return keys;
}

void MemoryStore::remove_below(ChannelId channel, ChannelEpoch epoch, ChunkSeq free_below) {
  std::erase_if(registers_, [&](const auto& pair) {
    const auto& [key, slice] = pair;
    if (key.channel != channel || key.epoch > epoch) return false;
    if (key.epoch == epoch && key.seq >= free_below) return false;
    const auto header = decode_header(slice.bytes);
    return header && header->kind == ChunkKind::kChunk;
  });
}

void MemoryStore::wipe(uint64_t incarnation) {
  registers_.clear();
  incarnation_ = incarnation;
}

void MemoryStore::damage(const ChunkKey& key, uint64_t bit) {
  Slice& slice = registers_.at(key);
  slice.owner.data()[bit / 8] ^= std::byte(1 << bit % 8);
}

Task<Status> MemoryReplica::travel() {
  if (faults.hangs) {
    base::Event never(executor_);
    co_await never.wait();
  }
  const auto delay_max = static_cast<uint64_t>(faults.delay_max.count());
  if (delay_max != 0) {
    co_await base::sleep_for(executor_, base::Duration(random_.below(delay_max)));
  }
  if (faults.down) co_return fail(ErrorCode::kUnavailable, "store is down");
  co_return Status();
}

Task<Result<PutOutcome>> MemoryReplica::put(ChunkKey key, Slice bytes) {
  ++put_calls;
  if (faults.dead) co_return fail(ErrorCode::kUnavailable, "store is dead");
  if (!co_await travel()) co_return fail(ErrorCode::kUnknownOutcome, "request lost");
  if (chance(faults.lost_request_percent)) {
    co_return fail(ErrorCode::kUnknownOutcome, "request lost");
  }
  if (chance(faults.late_landing_percent)) {
    const auto late = base::Duration(random_.below(static_cast<uint64_t>(faults.late_max.count())));
    executor_.run_after(late, [&store = store_, key, bytes, was = store_.incarnation()] {
      if (store.incarnation() != was) return;
      if (store.late_puts_win) store.erase(key);
      store.put(key, bytes.bytes);
    });
    co_return fail(ErrorCode::kUnknownOutcome, "timed out");
  }
  const PutOutcome outcome = store_.put(key, bytes.bytes);
  if (!co_await travel()) co_return fail(ErrorCode::kUnknownOutcome, "answer lost");
  if (chance(faults.lost_answer_percent)) {
    co_return fail(ErrorCode::kUnknownOutcome, "answer lost");
  }
  co_return outcome;
}

Task<Result<Slice>> MemoryReplica::get(ChunkKey key) {
  CO_TRY(co_await travel());
  const Slice* const there = store_.get(key);
  const Slice slice = there == nullptr ? Slice{} : *there;
  CO_TRY(co_await travel());
  if (!slice.owner) co_return fail(ErrorCode::kNotFound, to_string(key) + " is empty");
  co_return slice;
}

Task<Result<PutOutcome>> MemoryReplica::put_if_absent(ChunkKey key, Slice chunk) {
  return put(key, std::move(chunk));
}

Task<Result<ChunkHeader>> MemoryReplica::head(ChunkKey key) {
  const Slice slice = CO_TRY(co_await get(key));
  co_return decode_header(slice.bytes);
}

Task<Result<Slice>> MemoryReplica::read(ChunkKey key) { return get(key); }

Task<Result<Slice>> MemoryReplica::read_range(ChunkKey key, uint64_t position, uint64_t length) {
  const Slice slice = CO_TRY(co_await get(key));
  if (position > slice.bytes.size() || length > slice.bytes.size() - position) {
    co_return fail(ErrorCode::kOutOfRange, "beyond the end of " + to_string(key));
  }
  co_return Slice{slice.owner, slice.bytes.subspan(position, length)};
}

Task<Status> MemoryReplica::check_incarnation() {
  ++identity_checks;
  co_return Status();
}

Task<Result<std::vector<IndexedEntry>>> MemoryReplica::read_index(ChunkKey key) {
  ++index_reads;
  const Slice slice = CO_TRY(co_await get(key));
  const ChunkHeader header = CO_TRY(decode_header(slice.bytes));
  if (header.kind == ChunkKind::kSeal) co_return fail(ErrorCode::kNotFound, "a SEAL");
  if (header.total_length > slice.bytes.size()) co_return fail(ErrorCode::kCorrupt, "cut off");
  co_return decode_index(header, slice.bytes.subspan(header.index_position, header.index_length()));
}

Task<Result<PutOutcome>> MemoryReplica::seal(ChunkKey key, uint64_t sealer_nonce) {
  const base::Buffer seal = encode_seal({.incarnation = store_.incarnation(),
                                         .channel = key.channel,
                                         .epoch = key.epoch,
                                         .seq = key.seq,
                                         .nonce = sealer_nonce});
  return put(key, {seal, {seal.data(), kChunkHeaderBytes}});
}

Task<Result<std::vector<ChunkKey>>> MemoryReplica::list(ChannelId channel, ChannelEpoch epoch) {
  CO_TRY(co_await travel());
  std::vector<ChunkKey> keys = store_.list(channel, epoch);
  CO_TRY(co_await travel());
  co_return keys;
}

Task<Status> MemoryReplica::make_durable() { return travel(); }

Task<Status> MemoryReplica::remove_below(ChannelId channel, ChannelEpoch epoch,
                                         ChunkSeq free_below) {
  CO_TRY(co_await travel());
  store_.remove_below(channel, epoch, free_below);
  co_return Status();
}

Task<Status> MemoryReplica::make_ready(ChannelId, uint64_t) { co_return Status(); }

}  // namespace thalweg::chunk
