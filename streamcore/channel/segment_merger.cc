#include "streamcore/channel/segment_merger.h"

#include <algorithm>

#include "streamcore/channel/row_keys.h"

namespace thalweg::channel {

namespace {
constexpr size_t kReadBytes = 4 << 20;
// Built without giving others a turn.
constexpr uint64_t kBuildBytesPerTurn = 4 << 20;

bool ends_stream(const StreamState& stream, const segment::SegmentRow& row) {
  return row.range.end == stream.row.committed_end;
}

// Where `rows` lie among the stream's, or the end if any of them is not there any more.
std::vector<segment::SegmentRow>::iterator find_rows(StreamState& stream,
                                                     const std::vector<segment::SegmentRow>& rows) {
  return std::search(stream.segments.begin(), stream.segments.end(), rows.begin(), rows.end());
}
}  // namespace

std::vector<SegmentMerger::Rows> SegmentMerger::small_runs(const StreamState& stream) const {
  std::vector<Rows> runs;
  Rows run;
  uint64_t bytes = 0;
  const auto close = [&] {
    if (run.size() >= 2) runs.push_back(std::move(run));
    run.clear();
    bytes = 0;
  };
  for (const segment::SegmentRow& row : stream.segments) {
    const bool small = parts_.options.is_small_range(row.range.bytes);
    const bool follows = run.empty() || run.back().range.end == row.range.first;
    if (!small || !follows || bytes >= parts_.options.segment_bytes_target) close();
    if (!small) continue;
    run.push_back(row);
    bytes += row.range.bytes;
  }
  close();
  return runs;
}

base::Task<base::Status> SegmentMerger::merge(StreamId id) {
  const StreamUse stream = CO_TRY(co_await parts_.streams.load(id));
  if (!stream->has_row || stream->deleted) co_return base::Status{};
  CO_TRY(co_await parts_.streams.load_segments(*stream));
  for (Rows& old : small_runs(*stream)) CO_TRY(co_await merge_run(*stream, std::move(old)));
  co_return co_await mark_merged(*stream);
}

base::Task<base::Result<std::vector<EntryRef>>> SegmentMerger::read(const Rows& rows) {
  std::vector<EntryRef> entries;
  for (const segment::SegmentRow& row : rows) {
    Offset from = row.range.first;
    for (;;) {
      const auto read = CO_TRY(co_await parts_.reader.read(row, from, kReadBytes));
      if (read.empty()) break;
      from = read.back().header.end();
      entries.insert(entries.end(), read.begin(), read.end());
    }
  }
  co_return entries;
}

base::Task<base::Result<segment::BuiltSegment>> SegmentMerger::build(StreamId stream,
                                                                     const Rows& old) {
  const segment::SegmentRow& last = old.back();
  const std::string annotation = CO_TRY(co_await parts_.reader.annotation(last));
  const std::vector<EntryRef> entries = CO_TRY(co_await read(old));
  segment::SegmentBuilder builder;
  builder.begin_stream(stream);
  uint64_t since_yield = 0;
  for (const EntryRef& entry : entries) {
    const base::Slice frame = entry.frame();
    builder.add(entry.header, frame);
    since_yield += frame.bytes.size();
    if (since_yield < kBuildBytesPerTurn) continue;
    since_yield = 0;
    co_await base::yield(parts_.executor);
  }
  builder.end_stream(annotation, old.front().range.first, last.range.end);
  co_return builder.finish();
}

base::Task<base::Status> SegmentMerger::merge_run(StreamState& stream, Rows old) {
  const segment::BuiltSegment built = CO_TRY(co_await build(stream.id, old));
  segment::SegmentRow merged{.object = kNoObject, .range = built.ranges.front()};
  {
    const RowGate::Pass pass = co_await parts_.gate.enter();
    merged.object = CO_TRY(co_await parts_.objects.prepare(parts_.row.condition(), 1)).front();
  }
  SegmentObjects::Upload upload = SegmentObjects::Upload::kNone;
  bool in_doubt = false;
  base::Result<bool> done = false;
  const base::Status uploaded =
      co_await parts_.objects.upload(merged.object, {built.parts, built.crc}, upload);
  if (uploaded.has_value()) done = co_await swap(stream, old, merged, in_doubt);
  if (!done.value_or(false) && !in_doubt) {
    co_await parts_.objects.give_up(merged.object, upload, parts_.row.condition());
  }
  if (!uploaded.has_value()) co_return uploaded;
  if (!done.has_value()) co_return std::unexpected(done.error());
  co_return base::Status{};
}

base::Task<base::Result<bool>> SegmentMerger::swap(StreamState& stream, const Rows& old,
                                                   const segment::SegmentRow& merged,
                                                   bool& in_doubt) {
  const RowGate::Pass pass = co_await parts_.gate.enter();
  if (stream.deleted || find_rows(stream, old) == stream.segments.end()) co_return false;
  metadata::Transaction transaction;
  transaction.conditions.push_back(parts_.row.condition());
  SegmentObjects::Released released;
  StreamRow row = stream.row;
  const bool newest = ends_stream(stream, old.back());
  if (newest) {
    if (row.annotation.object != kNoObject) ++released[row.annotation.object];
    row.annotation = {.object = merged.object,
                      .footer_position = merged.range.footer_position,
                      .footer_length = merged.range.footer_length,
                      .first = merged.range.first};
  }
  const std::string key = stream_row_key(stream.id);
  transaction.require(key, encode_stream_row(stream.row));
  if (newest) transaction.set(key, encode_stream_row(row));
  for (const segment::SegmentRow& replaced : old) {
    const std::string replaced_key = segment_row_key(stream.id, replaced.range.first);
    transaction.require(replaced_key, segment::encode_segment_row(replaced)).erase(replaced_key);
    ++released[replaced.object];
  }
  transaction.set(segment_row_key(stream.id, merged.range.first),
                  segment::encode_segment_row(merged));
  parts_.objects.commit(transaction, merged.object, newest ? 2 : 1);  // range, annotation
  CO_TRY(co_await parts_.objects.release(transaction, released));
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (!committed.has_value()) {
    in_doubt = committed.error().code == base::ErrorCode::kUnknownOutcome;
    if (committed.error().code != base::ErrorCode::kConditionFailed) {
      co_return std::unexpected(committed.error());
    }
    co_return base::fail(base::ErrorCode::kFenced, "merge: the channel or stream row changed");
  }
  stream.row = std::move(row);
  const auto at = stream.segments.erase(
      find_rows(stream, old) + 1, find_rows(stream, old) + static_cast<ptrdiff_t>(old.size()));
  *std::prev(at) = merged;
  co_return true;
}

// Counting begins anew.
base::Task<base::Status> SegmentMerger::mark_merged(StreamState& stream) {
  const RowGate::Pass pass = co_await parts_.gate.enter();
  if (!stream.has_row || stream.deleted) co_return base::Status{};
  StreamRow row = stream.row;
  row.packed_ranges = 0;
  metadata::Transaction transaction;
  transaction.conditions.push_back(parts_.row.condition());
  const std::string key = stream_row_key(stream.id);
  transaction.require(key, encode_stream_row(stream.row)).set(key, encode_stream_row(row));
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (committed.has_value()) stream.row = std::move(row);
  if (!committed.has_value() && committed.error().code == base::ErrorCode::kConditionFailed) {
    co_return base::fail(base::ErrorCode::kFenced, "merge: the channel or stream row changed");
  }
  co_return committed;
}

}  // namespace thalweg::channel
