#include "streamcore/channel/segment_merger.h"

#include <algorithm>

#include "streamcore/channel/row_keys.h"
#include "streamcore/segment/segment_format.h"

namespace thalweg::channel {

namespace {
constexpr size_t kReadBytes = 4 << 20;
}

SegmentMerger::Rows SegmentMerger::trailing_small_rows(const StreamState& stream) const {
  auto first = stream.segments.end();
  while (first != stream.segments.begin() &&
         std::prev(first)->range.bytes < parts_.options.own_segment_bytes) {
    --first;
  }
  return {first, stream.segments.end()};
}

base::Task<base::Result<std::vector<EntryRef>>> SegmentMerger::read(const Rows& rows) {
  std::vector<EntryRef> entries;
  for (const segment::SegmentRow& row : rows) {
    Offset from = row.range.first;
    for (;;) {
      const auto read = CO_TRY(
          co_await parts_.reader.read(row, segment::segment_key(row.object), from, kReadBytes));
      if (read.empty()) break;
      from = read.back().header.end();
      entries.insert(entries.end(), read.begin(), read.end());
    }
  }
  co_return entries;
}

base::Task<base::Status> SegmentMerger::merge(StreamId id) {
  const StreamUse stream = CO_TRY(co_await parts_.streams.load(id));
  if (!stream->has_row || stream->deleted) co_return base::Status{};
  CO_TRY(co_await parts_.streams.load_segments(*stream));
  const Rows old = trailing_small_rows(*stream);
  if (old.size() < 2) co_return base::Status{};
  CO_TRY(co_await offloader_.load_annotation(*stream));
  const std::vector<EntryRef> entries = CO_TRY(co_await read(old));
  segment::SegmentBuilder builder;
  builder.begin_stream(id);
  for (const EntryRef& entry : entries) builder.add(entry.header, entry.frame());
  builder.end_stream(stream->annotation, old.front().range.first, stream->row.committed_end);
  const segment::BuiltSegment built = builder.finish();
  ObjectId object;
  {
    const RowGate::Pass pass = co_await parts_.gate.enter();
    object = CO_TRY(co_await parts_.objects.prepare(parts_.row.condition(), 1)).front();
  }
  const auto put =
      CO_TRY(co_await parts_.store.put_if_absent(segment::segment_key(object), built.parts));
  if (put != object_store::PutOutcome::kCreated) {
    co_return base::fail(base::ErrorCode::kCorrupt,
                         segment::segment_key(object) + " exists before it was uploaded");
  }
  co_return co_await swap(*stream, old, object, built.ranges.front());
}

base::Task<base::Status> SegmentMerger::swap(StreamState& stream, const Rows& old, ObjectId object,
                                             segment::StreamRange range) {
  const RowGate::Pass pass = co_await parts_.gate.enter();
  // A trim or a deletion meanwhile: the uploaded object stays PREPARED and is swept at the next
  // start.
  if (stream.deleted || trailing_small_rows(stream) != old) co_return base::Status{};
  metadata::Transaction transaction;
  transaction.conditions.push_back(parts_.row.condition());
  SegmentObjects::Released released;
  StreamRow row = stream.row;
  if (row.annotation.object != kNoObject) ++released[row.annotation.object];
  row.annotation = {.object = object,
                    .footer_position = range.footer_position,
                    .footer_length = range.footer_length,
                    .first = range.first};
  row.packed_ranges = 0;
  const std::string key = stream_row_key(stream.id);
  transaction.require(key, encode_stream_row(stream.row)).set(key, encode_stream_row(row));
  for (const segment::SegmentRow& replaced : old) {
    const std::string replaced_key = segment_row_key(stream.id, replaced.range.first);
    transaction.require(replaced_key, segment::encode_segment_row(replaced)).erase(replaced_key);
    ++released[replaced.object];
  }
  const segment::SegmentRow merged{.object = object, .range = range};
  transaction.set(segment_row_key(stream.id, range.first), segment::encode_segment_row(merged));
  parts_.objects.commit(transaction, object, 2);  // the range and the annotation
  CO_TRY(co_await parts_.objects.release(transaction, released));
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (!committed.has_value()) {
    if (committed.error().code != base::ErrorCode::kConditionFailed) co_return committed;
    co_return base::fail(base::ErrorCode::kFenced, "merge: the channel or stream row changed");
  }
  stream.row = std::move(row);
  stream.segments.resize(stream.segments.size() - old.size());
  stream.segments.push_back(merged);
  co_return base::Status{};
}

}  // namespace thalweg::channel
