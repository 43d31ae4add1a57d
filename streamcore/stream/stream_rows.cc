#include "streamcore/stream/stream_rows.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/channel/row_keys.h"

namespace thalweg::stream {

using base::ErrorCode;
using channel::RowGate;
using channel::SegmentObjects;
using channel::StreamRow;
using channel::StreamState;
using channel::StreamUse;

namespace {
constexpr size_t kRowsPerTransaction = 2000;
constexpr size_t kRemovedPerTransaction = 200;
// Segment rows one transaction erases. With the object's row each takes some 150 bytes, far below
// metadata::kTransactionBytesMax.
constexpr size_t kSegmentsPerTransaction = 2000;
}  // namespace

base::Task<base::Status> StreamRows::commit(metadata::Transaction transaction) {
  transaction.conditions.push_back(parts_.row.condition());
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (committed.has_value() || committed.error().code != ErrorCode::kConditionFailed) {
    co_return committed;
  }
  co_return base::fail(ErrorCode::kFenced, "the channel row or a stream row changed");
}

base::Task<base::Status> StreamRows::create(std::vector<StreamId> streams) {
  std::vector<StreamUse> uses;
  for (const StreamId id : streams) uses.push_back(CO_TRY(co_await parts_.streams.load(id)));
  const RowGate::Pass pass = co_await parts_.gate.enter();
  for (size_t i = 0; i < uses.size();) {
    metadata::Transaction transaction;
    std::vector<std::pair<StreamState*, StreamRow>> created;
    for (; i < uses.size() && created.size() < kRowsPerTransaction; ++i) {
      StreamState& stream = *uses[i];
      if (stream.has_row || stream.deleted) continue;
      StreamRow row;
      const ChannelEpoch epoch = parts_.row.row().epoch;
      row.link = {.channel = parts_.options.channel,
                  .first_epoch = epoch,
                  .start = Offset(0),
                  .leader_epoch_at_start = channel::first_leader_epoch(epoch)};
      const std::string key = channel::stream_row_key(stream.id);
      transaction.require(key, std::nullopt).set(key, channel::encode_stream_row(row));
      created.emplace_back(&stream, std::move(row));
    }
    if (created.empty()) continue;
    CO_TRY(co_await commit(std::move(transaction)));
    for (auto& [stream, row] : created) {
      stream->row = std::move(row);
      stream->has_row = true;
      stream->annotation_loaded = true;  // of an empty stream
      stream->segments_loaded = true;
    }
  }
  co_return base::Status{};
}

base::Task<base::Status> StreamRows::trim(StreamState& stream, Offset to) {
  const StreamUse use(stream);
  CO_TRY(co_await parts_.streams.load_segments(stream));
  while (CO_TRY(co_await trim_part(stream, to))) continue;
  co_return base::Status{};
}

base::Task<base::Result<bool>> StreamRows::trim_part(StreamState& stream, Offset to) {
  const RowGate::Pass pass = co_await parts_.gate.enter();
  if (!stream.has_row || to <= stream.row.trim_point) co_return false;
  metadata::Transaction transaction;
  StreamRow row = stream.row;
  SegmentObjects::Released released;
  size_t gone = 0;
  const auto goes = [&] {
    return gone < stream.segments.size() && stream.segments[gone].range.end <= to;
  };
  for (; goes() && gone < kSegmentsPerTransaction; ++gone) {
    const segment::SegmentRow& segment = stream.segments[gone];
    row.trim_point = segment.range.end;
    transaction.erase(channel::segment_row_key(stream.id, segment.range.first));
    ++released[segment.object];
  }
  const bool more = goes();
  if (!more) row.trim_point = to;
  const std::string key = channel::stream_row_key(stream.id);
  transaction.require(key, channel::encode_stream_row(stream.row))
      .set(key, channel::encode_stream_row(row));
  CO_TRY(co_await parts_.objects.release(transaction, released));
  CO_TRY(co_await commit(std::move(transaction)));
  stream.row = std::move(row);
  stream.segments.erase(stream.segments.begin(),
                        stream.segments.begin() + static_cast<ptrdiff_t>(gone));
  co_return more;
}

base::Task<base::Status> StreamRows::remove(std::vector<StreamId> streams) {
  std::vector<StreamUse> together;
  size_t segments = 0;
  for (const StreamId id : streams) {
    StreamUse stream = CO_TRY(co_await parts_.streams.load(id));
    CO_TRY(co_await parts_.streams.load_segments(*stream));
    if (stream->segments.size() > kSegmentsPerTransaction) {
      CO_TRY(co_await trim(*stream, stream->segments.back().range.end));
    }
    segments += stream->segments.size();
    if (together.size() == kRemovedPerTransaction || segments > kSegmentsPerTransaction) {
      CO_TRY(co_await remove_together(std::exchange(together, {})));
      segments = stream->segments.size();
    }
    together.push_back(std::move(stream));
  }
  co_return co_await remove_together(std::move(together));
}

base::Task<base::Status> StreamRows::remove_together(std::vector<StreamUse> uses) {
  const RowGate::Pass pass = co_await parts_.gate.enter();
  const base::Status erased = co_await erase_rows(uses);
  const bool nothing_done =
      !erased.has_value() && erased.error().code != ErrorCode::kUnknownOutcome;
  for (const StreamUse& stream : uses) {
    if (nothing_done && stream->has_row) stream->deleted = false;
    if (stream->deleted) parts_.streams.note_deleted(stream->id);
    if (!erased.has_value()) continue;
    stream->has_row = false;
    stream->segments.clear();
    parts_.tail.forget(*stream);
  }
  co_return erased;
}

base::Task<base::Status> StreamRows::erase_rows(const std::vector<StreamUse>& uses) {
  metadata::Transaction transaction;
  SegmentObjects::Released released;
  for (const StreamUse& stream : uses) {
    stream->deleted = true;  // also for a stream without a row: an append must not create it now
    if (!stream->has_row) continue;
    const std::string key = channel::stream_row_key(stream->id);
    transaction.require(key, channel::encode_stream_row(stream->row)).erase(key);
    if (stream->row.annotation.object != channel::kNoObject) {
      ++released[stream->row.annotation.object];
    }
    for (const segment::SegmentRow& segment : stream->segments) {
      transaction.erase(channel::segment_row_key(stream->id, segment.range.first));
      ++released[segment.object];
    }
  }
  if (transaction.writes.empty()) co_return base::Status{};
  CO_TRY(co_await parts_.objects.release(transaction, released));
  co_return co_await commit(std::move(transaction));
}

base::Task<base::Status> StreamRows::fence(StreamState& stream, std::string token) {
  const StreamUse use(stream);
  const RowGate::Pass pass = co_await parts_.gate.enter();
  if (!stream.has_row || stream.deleted)
    co_return base::fail(ErrorCode::kNotFound, "no such stream");
  StreamRow row = stream.row;
  row.fencing_token = std::move(token);
  metadata::Transaction transaction;
  const std::string key = channel::stream_row_key(stream.id);
  transaction.require(key, channel::encode_stream_row(stream.row))
      .set(key, channel::encode_stream_row(row));
  CO_TRY(co_await commit(std::move(transaction)));
  stream.row = std::move(row);
  co_return base::Status{};
}

}  // namespace thalweg::stream
