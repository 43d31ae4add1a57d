#include "streamcore/channel/stream_table.h"

#include "streamcore/channel/row_keys.h"

namespace thalweg::channel {

namespace {

void adopt_row(StreamState& stream, const StreamRow& row) {
  stream.has_row = true;
  stream.row = row;
  const Offset tail = std::max(row.committed_end, row.trim_point);
  stream.next = std::max(stream.next, tail);
  stream.durable = std::max(stream.durable, tail);
}

}  // namespace

StreamState* StreamTable::find(StreamId id) const {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
}

base::Task<base::Result<StreamUse>> StreamTable::load(StreamId id) {
  if (StreamState* stream = find(id)) co_return StreamUse(*stream);
  auto bytes = CO_TRY(co_await metadata_.get(stream_row_key(id)));
  // What was read may be the row of before its deletion.
  if (deleted_.contains(id)) bytes = CO_TRY(co_await metadata_.get(stream_row_key(id)));
  if (StreamState* stream = find(id)) co_return StreamUse(*stream);  // another load was faster
  auto stream = std::make_unique<StreamState>(id);
  stream->deleted = deleted_.contains(id);
  if (bytes.has_value()) {
    const StreamRow row = CO_TRY(decode_stream_row(*bytes));
    if (row.link.channel != channel_of(id)) {
      co_return base::fail(
          base::ErrorCode::kUnsupported,
          stream_row_key(id) + " was moved to channel " + std::to_string(row.link.channel.value));
    }
    adopt_row(*stream, row);
  }
  StreamState& added = *streams_.emplace(id, std::move(stream)).first->second;
  co_return StreamUse(added);
}

base::Task<base::Status> StreamTable::load_segments(StreamState& stream) {
  if (stream.segments_loaded) co_return base::Status{};
  const StreamUse use(stream);
  constexpr size_t kRowsAtOnce = 1000;
  std::vector<segment::SegmentRow> rows;
  const std::string prefix = segment_row_prefix(stream.id);
  std::string after;
  for (bool more = true; more;) {
    const auto page = CO_TRY(co_await metadata_.scan(prefix, after, kRowsAtOnce));
    for (const metadata::KeyValue& pair : page) {
      rows.push_back(CO_TRY(segment::decode_segment_row(pair.value)));
    }
    more = page.size() == kRowsAtOnce;
    if (more) after = page.back().key;
  }
  if (!stream.segments_loaded) {
    stream.segments = std::move(rows);
    stream.segments_loaded = true;
  }
  co_return base::Status{};
}

void StreamTable::drop_idle(StreamState& stream) {
  if (stream.idle()) streams_.erase(stream.id);
}

void StreamTable::sweep(size_t limit) {
  std::vector<StreamState*> idle;
  const size_t buckets = streams_.bucket_count();
  for (size_t i = 0; i < std::min(limit, buckets); ++i) {
    sweep_bucket_ = (sweep_bucket_ + 1) % buckets;
    for (auto it = streams_.begin(sweep_bucket_); it != streams_.end(sweep_bucket_); ++it) {
      if (it->second->idle()) idle.push_back(it->second.get());
    }
  }
  for (StreamState* stream : idle) streams_.erase(stream->id);
}

}  // namespace thalweg::channel
