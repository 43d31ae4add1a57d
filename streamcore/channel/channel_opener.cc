#include "streamcore/channel/channel_opener.h"

#include <algorithm>
#include <set>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/chunk/chunk_owner.h"

namespace thalweg::channel {

using base::ErrorCode;

namespace {
constexpr uint64_t kStreamLoadsMax = 10'000;  // at a time
}  // namespace

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
  // The old owner changes nothing since SEALING, and where the epochs end is decided.
  std::vector<UndrainedEpoch> undrained = row.undrained;
  co_return co_await base::side_by_side(parts_.executor,
                                        commit_row(std::move(row), std::move(transaction)),
                                        read_back(std::move(undrained)));
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
  newest_ = succession_.newest(expected);
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

base::Task<base::Status> ChannelOpener::find_row() {
  found_ = CO_TRY(co_await parts_.metadata.get(parts_.row.key()));
  co_return base::Status{};
}

base::Task<base::Status> ChannelOpener::load_succession() {
  succession_ = CO_TRY(co_await ReplicaSuccession::load(parts_.metadata));
  co_return base::Status{};
}

base::Task<base::Status> ChannelOpener::take_over(std::optional<KnownChannel> known) {
  // One of the newest version is byte for byte what it is encoded to.
  if (known && known->row.storage_class) {
    found_ = encode_channel_row(known->row);
    succession_ = std::move(known->succession);
  } else {
    CO_TRY(co_await base::side_by_side(parts_.executor, find_row(), load_succession()));
  }
  if (!found_.has_value()) co_return co_await check_new_replicas();  // open() creates the row
  parts_.row.set(CO_TRY(decode_channel_row(*found_)));
  CO_TRY(co_await check_replicas());
  if (parts_.row.row().state == ChannelState::kClosed) {
    ChannelRow row = parts_.row.row();
    row.holder = parts_.row.nonce();  // from here on the drainer is this process
    CO_TRY(co_await commit_row(std::move(row)));
    co_return co_await read_back(parts_.row.row().undrained);
  }
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
  co_return base::Status{};
}

// First the log, then the rows of the streams in it (P9). A store at a distance answers many small
// reads in the time of one, and metadata many readers.
base::Task<base::Status> ChannelOpener::read_back(std::vector<UndrainedEpoch> epochs) {
  std::vector<ReadChunk> chunks;
  for (const UndrainedEpoch& epoch : epochs) {
    for (ChunkSeq seq = epoch.g; seq < epoch.end; ++seq) {
      chunks.push_back({.key = {parts_.options.channel, epoch.epoch, seq}, .index = {}});
    }
  }
  co_await read_indexes(chunks);
  for (const ReadChunk& chunk : chunks) {
    if (!chunk.index) co_return std::unexpected(chunk.index.error());
  }
  const std::vector<StreamUse> streams = CO_TRY(co_await load_streams(chunks));
  for (ReadChunk& chunk : chunks) push_to_tail(std::move(chunk));
  co_return base::Status{};
}

base::Task<void> ChannelOpener::read_indexes(std::vector<ReadChunk>& chunks) {
  base::Semaphore turns(parts_.executor, parts_.options.index_reads_max);
  base::TaskGroup reads(parts_.executor);
  for (ReadChunk& chunk : chunks) {
    if (parts_.ahead != nullptr) {
      if (auto known = parts_.ahead->take(chunk.key, parts_.row.row().incarnations)) {
        chunk.index = std::move(*known);
        continue;
      }
    }
    co_await turns.acquire(1);
    reads.spawn(read_index(chunk, turns));
  }
  co_await reads.stop_and_join();
}

base::Task<void> ChannelOpener::read_index(ReadChunk& chunk, base::Semaphore& turns) {
  chunk.index = co_await chunk::read_chunk_index(parts_.replicas, chunk.key);
  turns.release(1);
}

base::Task<base::Result<std::vector<StreamUse>>> ChannelOpener::load_streams(
    const std::vector<ReadChunk>& chunks) {
  std::set<StreamId> ids;
  for (const ReadChunk& chunk : chunks) {
    for (const chunk::IndexedEntry& entry : *chunk.index) ids.insert(entry.header.stream);
  }
  std::vector<StreamUse> streams;
  base::Semaphore turns(parts_.executor, kStreamLoadsMax);
  base::TaskGroup loads(parts_.executor);
  base::Status outcome;
  for (const StreamId id : ids) {
    co_await turns.acquire(1);
    loads.spawn(load_stream(id, turns, streams, outcome));
  }
  co_await loads.stop_and_join();
  CO_TRY(outcome);
  co_return streams;
}

base::Task<void> ChannelOpener::load_stream(StreamId id, base::Semaphore& turns,
                                            std::vector<StreamUse>& streams,
                                            base::Status& outcome) {
  auto loaded = co_await parts_.streams.load(id);
  turns.release(1);
  if (loaded) {
    streams.push_back(std::move(*loaded));
  } else {
    outcome = std::unexpected(std::move(loaded).error());
  }
}

void ChannelOpener::push_to_tail(ReadChunk chunk) {
  auto logged = std::make_unique<LoggedChunk>();
  logged->key = chunk.key;
  logged->entries = std::move(*chunk.index);
  logged->length = chunk::chunk_length(logged->entries);
  logged->created = parts_.executor.now();
  logged->recovered = true;
  for (const chunk::IndexedEntry& entry : logged->entries) {
    StreamState* stream = parts_.streams.find(entry.header.stream);
    CHECK(stream != nullptr);
    // Without a row the stream was deleted: a row comes before the first append.
    if (!stream->has_row) {
      logged->streams.push_back(nullptr);
      continue;
    }
    stream->next = std::max(stream->next, entry.header.end());
    stream->durable = stream->next;
    logged->streams.push_back(stream);
  }
  parts_.tail.push(std::move(logged));
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
