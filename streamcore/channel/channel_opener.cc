#include "streamcore/channel/channel_opener.h"

#include <algorithm>

#include "streamcore/base/log.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/chunk/chunk_owner.h"

namespace thalweg::channel {

using base::ErrorCode;

base::Task<base::Status> ChannelOpener::commit_row(ChannelRow row) {
  std::string bytes = encode_channel_row(row);
  metadata::Transaction transaction;
  transaction.require(parts_.row.key(), found_).set(parts_.row.key(), bytes);
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (!committed.has_value()) {
    if (committed.error().code != ErrorCode::kConditionFailed) co_return committed;
    co_return base::fail(ErrorCode::kFenced, "another process is taking the channel over");
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
  UndrainedEpoch& last = row.undrained.back();
  last.end = end;
  if (last.g >= end) row.undrained.pop_back();
  co_return co_await commit_row(std::move(row));
}

std::vector<uint64_t> ChannelOpener::incarnations() const {
  std::vector<uint64_t> found;
  for (const chunk::ChunkReplica* replica : parts_.replicas) {
    found.push_back(replica->incarnation());
  }
  return found;
}

base::Status ChannelOpener::check_replicas() const {
  const std::vector<uint64_t>& expected = parts_.row.row().incarnations;
  const std::vector<uint64_t> found = incarnations();
  size_t same = 0;
  std::string message;
  for (size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
    if (found[i] == expected[i]) ++same;
    message += " replica " + std::to_string(i) + ": expected incarnation " +
               std::to_string(expected[i]) + ", got " + std::to_string(found[i]) + ";";
  }
  if (expected.size() == found.size() && same >= chunk::quorum_of(found.size())) return {};
  return base::fail(
      ErrorCode::kCorrupt,
      "channel " + std::to_string(parts_.options.channel.value) +
          ": its log is not the one the metadata knows;" + message +
          " acknowledged records may be in the other one only. Mount or restore the directory "
          "log/ that belongs to this metadata, or start with an empty data directory");
}

base::Task<base::Status> ChannelOpener::take_over() {
  found_ = CO_TRY(co_await parts_.metadata.get(parts_.row.key()));
  if (!found_.has_value()) co_return base::Status{};  // a new channel: open() creates its row
  parts_.row.set(CO_TRY(decode_channel_row(*found_)));
  CO_TRY(check_replicas());
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
                               .window = parts_.options.chunk_window},
        *this));
  }
  const std::vector<UndrainedEpoch> undrained = parts_.row.row().undrained;
  for (const UndrainedEpoch& epoch : undrained) CO_TRY(co_await read_back(epoch));
  co_return base::Status{};
}

base::Task<base::Status> ChannelOpener::read_back(UndrainedEpoch epoch) {
  for (ChunkSeq seq = epoch.g; seq < epoch.end; ++seq) {
    CO_TRY(co_await index_chunk(
        {.channel = parts_.options.channel, .epoch = epoch.epoch, .seq = seq}));
  }
  co_return base::Status{};
}

base::Task<base::Status> ChannelOpener::index_chunk(chunk::ChunkKey key) {
  auto logged = std::make_unique<LoggedChunk>();
  logged->key = key;
  logged->entries = CO_TRY(co_await chunk::read_chunk_index(parts_.replicas, key));
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
