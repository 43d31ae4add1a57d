#include "streamcore/channel/channel_opener.h"

#include <algorithm>

#include "streamcore/base/log.h"
#include "streamcore/channel/replica_succession.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/chunk/chunk_owner.h"

namespace thalweg::channel {

using base::ErrorCode;

base::Task<base::Status> ChannelOpener::commit_row(ChannelRow row,
                                                   metadata::Transaction transaction) {
  row.storage_class = parts_.options.storage_class;
  std::string bytes = encode_channel_row(row);
  transaction.require(parts_.row.key(), found_).set(parts_.row.key(), bytes);
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (!committed.has_value()) {
    if (committed.error().code != ErrorCode::kConditionFailed) co_return committed;
    co_return base::fail(ErrorCode::kFenced,
                         "another process is taking the channel over, or a "
                         "replica was declared lost");
  }
  found_ = std::move(bytes);
  parts_.row.set(std::move(row));
  co_return base::Status{};
}

base::Task<base::Result<ChunkSeq>> ChannelOpener::start_sealing() {
  ChannelRow row = parts_.row.row();
  row.state = ChannelState::kSealing;
  row.holder = parts_.row.nonce();
  CO_TRY(co_await commit_row(row));
  co_return row.undrained.back().g;
}

base::Task<base::Status> ChannelOpener::close(ChunkSeq end) {
  ChannelRow row = parts_.row.row();
  row.state = ChannelState::kClosed;
  // What a store said while the slots were decided counts if it was not declared lost since (P8).
  metadata::Transaction transaction;
  for (size_t i = 0; i < newest_.size(); ++i) {
    if (newest_[i] != row.incarnations[i]) continue;
    transaction.require(lost_replica_row_key(newest_[i]), std::nullopt);
  }
  UndrainedEpoch& last = row.undrained.back();
  last.end = end;
  if (last.g >= end) row.undrained.pop_back();
  co_return co_await commit_row(std::move(row), std::move(transaction));
}

std::vector<uint64_t> ChannelOpener::incarnations() const {
  std::vector<uint64_t> known = newest_;
  known.resize(parts_.replicas.size());
  for (size_t i = 0; i < known.size(); ++i) {
    const uint64_t found = parts_.replicas[i]->incarnation();
    if (found != 0) known[i] = found;
  }
  return known;
}

base::Task<base::Status> ChannelOpener::check_new_replicas() {
  for (size_t i = 0; i < parts_.replicas.size(); ++i) {
    if (parts_.replicas[i]->incarnation() != 0) continue;
    const base::Status checked = co_await parts_.replicas[i]->check_incarnation();
    if (checked.has_value()) continue;
    co_return base::fail(ErrorCode::kUnavailable,
                         "channel " + std::to_string(parts_.options.channel.value) +
                             " is new and needs all of its replicas: replica " + std::to_string(i) +
                             ": " + checked.error().message);
  }
  co_return base::Status{};
}

base::Status ChannelOpener::not_the_log(ErrorCode code, const std::string& message) const {
  return base::fail(code, "channel " + std::to_string(parts_.options.channel.value) +
                              ": its log is not the one the metadata knows;" + message +
                              " acknowledged records may be in the other one only. Mount or "
                              "restore the log that belongs to this metadata, or start with an "
                              "empty data directory");
}

base::Task<base::Status> ChannelOpener::check_replicas() {
  const std::vector<uint64_t> expected = parts_.row.row().incarnations;
  const std::vector<chunk::ChunkReplica*>& replicas = parts_.replicas;
  if (expected.size() != replicas.size()) {
    co_return base::fail(ErrorCode::kCorrupt,
                         "the log of channel " + std::to_string(parts_.options.channel.value) +
                             " has " + std::to_string(expected.size()) + " replicas, got " +
                             std::to_string(replicas.size()));
  }
  const auto same = [&] {
    size_t count = 0;
    for (size_t i = 0; i < replicas.size(); ++i) count += replicas[i]->incarnation() == expected[i];
    return count;
  };
  newest_ = CO_TRY(co_await ReplicaSuccession::load(parts_.metadata)).newest(expected);
  for (size_t i = 0; i < replicas.size(); ++i) replicas[i]->bind(newest_[i]);
  if (same() >= chunk::quorum_of(replicas.size())) co_return base::Status{};
  // Those that were not reached are waited for only now that they are needed.
  std::string message;
  size_t undecided = 0;
  for (size_t i = 0; i < replicas.size(); ++i) {
    const base::Status checked = co_await replicas[i]->check_incarnation();
    if (checked.has_value() && replicas[i]->incarnation() == expected[i]) continue;
    const bool replaced = newest_[i] != expected[i];
    undecided += !replaced && !checked && checked.error().code == ErrorCode::kUnavailable ? 1 : 0;
    message += " replica " + std::to_string(i) + ": expected incarnation " +
               std::to_string(expected[i]) + ", got " +
               (checked ? std::to_string(replicas[i]->incarnation()) : checked.error().message) +
               ";";
  }
  if (same() >= chunk::quorum_of(replicas.size())) co_return base::Status{};
  const bool later = same() + undecided >= chunk::quorum_of(replicas.size());
  co_return not_the_log(later ? ErrorCode::kUnavailable : ErrorCode::kCorrupt, message);
}

base::Task<base::Status> ChannelOpener::take_over() {
  found_ = CO_TRY(co_await parts_.metadata.get(parts_.row.key()));
  if (!found_.has_value()) co_return co_await check_new_replicas();  // open() creates the row
  parts_.row.set(CO_TRY(decode_channel_row(*found_)));
  CO_TRY(co_await check_replicas());
  if (parts_.row.row().state == ChannelState::kClosed) {
    ChannelRow row = parts_.row.row();
    row.holder = parts_.row.nonce();  // from here on the drainer is this process
    CO_TRY(co_await commit_row(std::move(row)));
  } else {
    const ChannelEpoch epoch = parts_.row.row().epoch;
    base::log_info("channel: taking over epoch " + std::to_string(epoch.value));
    CO_TRY(co_await chunk::recover_epoch(
        parts_.executor, parts_.replicas,
        chunk::RecoveryOptions{.channel = parts_.options.channel,
                               .epoch = epoch,
                               .incarnations = parts_.row.row().incarnations,
                               .sealer_nonce = parts_.row.nonce(),
                               .window = parts_.options.chunk_window,
                               .stragglers = &parts_.stragglers},
        *this));
  }
  const std::vector<UndrainedEpoch> undrained = parts_.row.row().undrained;
  for (const UndrainedEpoch& epoch : undrained) CO_TRY(co_await read_back(epoch));
  co_return base::Status{};
}

// A store at a distance answers many small reads in the time of one.
base::Task<base::Status> ChannelOpener::read_back(UndrainedEpoch epoch) {
  const auto key_at = [&](ChunkSeq seq) {
    return chunk::ChunkKey{.channel = parts_.options.channel, .epoch = epoch.epoch, .seq = seq};
  };
  for (ChunkSeq seq = epoch.g; seq < epoch.end;) {
    const uint64_t count = std::min<uint64_t>(epoch.end - seq, parts_.options.index_reads_max);
    std::vector<Index> indexes(count);
    base::TaskGroup reads(parts_.executor);
    for (uint64_t i = 0; i < count; ++i) reads.spawn(read_index(key_at(seq + i), indexes[i]));
    co_await reads.stop_and_join();
    for (Index& index : indexes) {
      CO_TRY(co_await index_chunk(key_at(seq), CO_TRY(std::move(index))));
      ++seq;
    }
  }
  co_return base::Status{};
}

base::Task<void> ChannelOpener::read_index(chunk::ChunkKey key, Index& into) {
  into = co_await chunk::read_chunk_index(parts_.replicas, key);
}

base::Task<base::Status> ChannelOpener::index_chunk(chunk::ChunkKey key,
                                                    std::vector<chunk::IndexedEntry> entries) {
  auto logged = std::make_unique<LoggedChunk>();
  logged->key = key;
  logged->entries = std::move(entries);
  logged->length = chunk::chunk_length(logged->entries);
  logged->created = parts_.executor.now();
  logged->recovered = true;
  std::vector<StreamUse> uses;
  for (const chunk::IndexedEntry& entry : logged->entries) {
    StreamUse stream = CO_TRY(co_await parts_.streams.load(entry.header.stream));
    // Without a row the stream was deleted: a row comes before the first append.
    if (!stream->has_row) {
      logged->streams.push_back(nullptr);
      continue;
    }
    stream->next = std::max(stream->next, entry.header.end());
    stream->durable = stream->next;
    logged->streams.push_back(&*stream);
    uses.push_back(std::move(stream));
  }
  parts_.tail.push(std::move(logged));
  co_return base::Status{};
}

bool ChannelOpener::must_drain() const {
  return parts_.row.row().undrained.size() >= parts_.options.undrained_epochs_max;
}

base::Task<base::Status> ChannelOpener::open() {
  if (found_.has_value())
    found_ = encode_channel_row(parts_.row.row());  // a drain may have moved g
  ChannelRow row = parts_.row.row();
  row.state = ChannelState::kOpen;
  row.holder = parts_.row.nonce();
  row.incarnations = incarnations();
  ++row.epoch;
  row.undrained.push_back({.epoch = row.epoch, .g = ChunkSeq(0), .end = kOpenEnd});
  co_return co_await commit_row(std::move(row));
}

}  // namespace thalweg::channel
