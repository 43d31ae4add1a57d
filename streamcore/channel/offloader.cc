#include "streamcore/channel/offloader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"
#include "streamcore/base/log.h"
#include "streamcore/base/task_group.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/chunk/recovery.h"

namespace thalweg::channel {

using base::ErrorCode;

namespace {
// Handled without giving others a turn: a few hundred microseconds.
constexpr uint64_t kCheckBytesPerTurn = 4 << 20;
constexpr size_t kBuildEntriesPerTurn = 4096;
constexpr size_t kFoldEntriesPerTurn = 4096;
// Each upload waits for several syncs, which overlap.
constexpr size_t kUploadsAtOnce = 4;
// Rows of one transaction, well below metadata::kTransactionBytesMax.
constexpr size_t kTransactionBytesTarget = metadata::kTransactionBytesMax / 2;
}  // namespace

// One range of a segment.
struct Offloader::Range {
  size_t stream;  // index into the plan
  PlannedRange planned;
  std::string annotation;  // at its end
  size_t object = 0;       // index into the job's
  segment::StreamRange built;
};

// The ranges of one planned stream that the run commits: indexes into the job's.
struct Offloader::RangesOf {
  size_t begin;
  size_t end;
};

// One segment object of a run.
struct Offloader::Object {
  std::optional<ObjectId> id;  // once it is PREPARED
  std::vector<size_t> ranges;  // indexes into the job's
  segment::BuiltSegment built;
  Upload upload = Upload::kNone;
  ObjectRow row;       // COMMITTED once a part of the commit named it
  ObjectRow next_row;  // after the transaction being built
};

struct Offloader::Job {
  OffloadPlan plan;
  std::vector<Range> ranges;        // of all planned streams, in their order
  std::vector<RangesOf> of_stream;  // of each planned stream
  std::vector<Object> objects;
  std::map<ObjectId, uint32_t> added;                  // references, by the transaction being built
  std::vector<std::pair<size_t, StreamRow>> new_rows;  // planned stream, its row, likewise
  bool in_doubt = false;                               // a part may be committed, or may yet be
};

namespace {
bool is_intact(base::ByteView chunk) {
  const auto header = chunk::decode_header(chunk);
  return header.has_value() && header->total_length == chunk.size() &&
         base::crc32c(chunk.subspan(chunk::kChunkHeaderBytes)) == header->body_crc;
}
}  // namespace

base::Task<base::Result<std::vector<base::Slice>>> Offloader::load_chunks(size_t count,
                                                                          Memory memory) {
  // Taken before anything suspends: a chunk may leave memory while an older one is read from disk.
  std::vector<base::Slice> bytes;
  std::vector<chunk::ChunkKey> keys;
  for (size_t i = 0; i < count; ++i) {
    bytes.push_back(parts_.tail.unoffloaded(i).bytes);
    keys.push_back(parts_.tail.unoffloaded(i).key);
  }
  uint64_t since_yield = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool in_memory = !bytes[i].bytes.empty();
    if (in_memory && (memory == Memory::kBelieved || is_intact(bytes[i].bytes))) {
      if (memory == Memory::kChecked) since_yield += bytes[i].bytes.size();
      if (since_yield < kCheckBytesPerTurn) continue;
      since_yield = 0;
      co_await base::yield(parts_.executor);
      continue;
    }
    if (in_memory) {
      base::log_error("chunk damaged in memory, read from the log instead: " + to_string(keys[i]));
    }
    base::Result<base::Slice> read = co_await chunk::read_chunk(parts_.replicas, keys[i]);
    // Of many reads one fails ever again; those before it need not be repeated.
    if (!read && read.error().code == ErrorCode::kUnavailable && i > 0) {
      bytes.resize(i);
      break;
    }
    bytes[i] = CO_TRY(std::move(read));
  }
  co_return bytes;
}

// What lay in memory since it was appended goes out under the CRCs it had then; the store refuses
// it if it has changed, before the log lets go of the sound copy.
base::Task<base::Status> Offloader::run(size_t count) {
  base::Status done = co_await run_with(count, Memory::kBelieved);
  const bool damaged = !done.has_value() && done.error().code == ErrorCode::kCorrupt;
  if (damaged) done = co_await run_with(count, Memory::kChecked);
  co_return done;
}

base::Task<base::Status> Offloader::run_with(size_t count, Memory memory) {
  Job job;
  const auto bytes = CO_TRY(co_await load_chunks(count, memory));
  const StreamStoreOptions& options = parts_.options;
  job.plan = plan_offload(parts_.tail, bytes,
                          std::max(options.segment_bytes_target, options.own_segment_bytes));
  const base::Status moved = co_await move(job);
  if (!moved.has_value()) {
    co_await give_up(job);
    co_return moved;
  }
  parts_.tail.mark_offloaded(job.plan.chunk_count);
  co_await free_chunks();
  co_return base::Status{};
}

base::Task<base::Status> Offloader::move(Job& job) {
  if (!job.plan.streams.empty()) {
    CO_TRY(co_await fold(job));
    co_await build(job);
    const base::Status uploaded = co_await upload(job);
    if (!uploaded) co_return co_await keep_uploaded(job, uploaded.error());
  }
  co_return co_await commit(job, Commit::kAll);
}

// One upload of many fails ever again. The streams of those that did not are committed up to there,
// so that the next run has less to do; chunks go with the last.
base::Task<base::Status> Offloader::keep_uploaded(Job& job, base::Error error) {
  if (error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kFenced) {
    co_return std::unexpected(std::move(error));
  }
  bool any = false;
  for (RangesOf& ranges : job.of_stream) {
    size_t end = ranges.begin;
    while (end < ranges.end && job.objects[job.ranges[end].object].upload == Upload::kCreated) {
      ++end;
    }
    ranges.end = end;
    any = any || ranges.begin < end;
  }
  if (any) CO_TRY(co_await commit(job, Commit::kUploaded));
  co_return std::unexpected(std::move(error));
}

// What was uploaded must not fill the disk with each repetition.
base::Task<void> Offloader::give_up(Job& job) {
  if (job.in_doubt) co_return;
  for (const Object& object : job.objects) {
    if (!object.id.has_value() || object.row.state != ObjectState::kPrepared) continue;
    co_await parts_.objects.give_up(*object.id, object.upload, parts_.row.condition());
  }
}

// --- annotations ---

base::Task<base::Status> Offloader::load_annotation(StreamState& stream) {
  if (stream.annotation_loaded) co_return base::Status{};
  const StreamUse use(stream);
  const AnnotationPlace place = stream.row.annotation;
  std::string annotation;
  if (stream.has_row && place.object != kNoObject) {
    const segment::SegmentRow row{.object = place.object,
                                  .range = {.stream = stream.id,
                                            .first = place.first,
                                            .end = stream.row.committed_end,
                                            .footer_position = place.footer_position,
                                            .footer_length = place.footer_length}};
    annotation = CO_TRY(co_await parts_.reader.annotation(row));
  }
  if (!stream.annotation_loaded && stream.row.annotation == place) {
    stream.annotation = std::move(annotation);
    stream.annotation_loaded = true;
  }
  co_return base::Status{};
}

base::Task<base::Status> Offloader::fold(Job& job) {
  std::vector<DigestedEntry> entries;
  for (size_t s = 0; s < job.plan.streams.size(); ++s) {
    const PlannedStream& planned = job.plan.streams[s];
    const size_t begin = job.ranges.size();
    CO_TRY(co_await load_annotation(*planned.stream));
    std::string annotation = planned.stream->annotation;
    for (const PlannedRange& range : planned.ranges) {
      for (size_t i = range.begin; i < range.end;) {
        entries.clear();
        const size_t end = std::min(range.end, i + kFoldEntriesPerTurn);
        for (; i < end; ++i) {
          entries.push_back({planned.entries[i].header, planned.entries[i].digest});
        }
        annotation = parts_.rules.fold(base::as_bytes(annotation), entries);
        if (i < planned.entries.size()) co_await base::yield(parts_.executor);
      }
      job.ranges.push_back({.stream = s, .planned = range, .annotation = annotation, .built = {}});
    }
    job.of_stream.push_back({begin, job.ranges.size()});
  }
  co_return base::Status{};
}

// --- objects ---

// Ranges of streams that have little share objects.
void Offloader::assign_objects(Job& job) const {
  uint64_t packed_bytes = 0;
  size_t packed = SIZE_MAX;  // the object small streams go to
  for (size_t i = 0; i < job.ranges.size(); ++i) {
    const uint64_t bytes = job.plan.streams[job.ranges[i].stream].content_bytes;
    const bool own = bytes >= parts_.options.own_segment_bytes;
    if (own || packed == SIZE_MAX || packed_bytes >= parts_.options.segment_bytes_target) {
      job.objects.emplace_back();
      if (!own) {
        packed = job.objects.size() - 1;
        packed_bytes = 0;
      }
    }
    job.ranges[i].object = own ? job.objects.size() - 1 : packed;
    job.objects[job.ranges[i].object].ranges.push_back(i);
    if (!own) packed_bytes += bytes;
  }
}

base::Task<void> Offloader::build(Job& job) {
  assign_objects(job);
  size_t since_yield = 0;
  for (Object& object : job.objects) {
    segment::SegmentBuilder builder;
    for (const size_t r : object.ranges) {
      const Range& range = job.ranges[r];
      const PlannedStream& stream = job.plan.streams[range.stream];
      const size_t from = std::max(range.planned.begin, stream.content_from);
      builder.begin_stream(stream.stream->id);
      for (size_t e = from; e < range.planned.end; ++e) {
        const PlannedEntry& entry = stream.entries[e];
        builder.add(entry.header, entry.frame, entry.crc);
        if (++since_yield < kBuildEntriesPerTurn) continue;
        since_yield = 0;
        co_await base::yield(parts_.executor);
      }
      const Offset end = stream.entries[range.planned.end - 1].header.end();
      const Offset first = from < range.planned.end ? stream.entries[from].header.base : end;
      builder.end_stream(range.annotation, first, end);
    }
    object.built = builder.finish();
    CHECK_EQ(object.built.ranges.size(), object.ranges.size());
    for (size_t i = 0; i < object.ranges.size(); ++i) {
      job.ranges[object.ranges[i]].built = object.built.ranges[i];
    }
  }
}

base::Task<base::Status> Offloader::upload(Job& job) {
  {
    const RowGate::Pass pass = co_await parts_.gate.enter();
    const std::vector<ObjectId> ids =
        CO_TRY(co_await parts_.objects.prepare(parts_.row.condition(), job.objects.size()));
    for (size_t i = 0; i < ids.size(); ++i) job.objects[i].id = ids[i];
  }
  base::TaskGroup lanes(parts_.executor);
  size_t next = 0;
  base::Status uploaded;
  for (size_t i = 0; i < std::min(kUploadsAtOnce, job.objects.size()); ++i) {
    lanes.spawn(upload_from(job, next, uploaded));
  }
  co_await lanes.stop_and_join();
  co_return uploaded;
}

// Takes one object after the other until none is left or one failed.
base::Task<void> Offloader::upload_from(Job& job, size_t& next, base::Status& uploaded) {
  while (next < job.objects.size() && uploaded.has_value()) {
    Object& object = job.objects[next++];
    base::Status put = co_await parts_.objects.upload(
        *object.id, {object.built.parts, object.built.crc}, object.upload);
    if (!put.has_value()) uploaded = std::move(put);
  }
}

// --- commit ---

// The rows of a stream's ranges to commit that have content above the trim point, which may have
// moved since they were planned.
std::vector<segment::SegmentRow> Offloader::segment_rows(const Job& job, size_t stream) const {
  std::vector<segment::SegmentRow> rows;
  const PlannedStream& planned = job.plan.streams[stream];
  for (size_t r = job.of_stream[stream].begin; r < job.of_stream[stream].end; ++r) {
    const Range& range = job.ranges[r];
    const bool trimmed = range.planned.end <= planned.content_from ||
                         range.built.end <= planned.stream->row.trim_point;
    if (!trimmed) rows.push_back({.object = *job.objects[range.object].id, .range = range.built});
  }
  return rows;
}

void Offloader::add_stream(Job& job, size_t i, metadata::Transaction& transaction,
                           SegmentObjects::Released& released) {
  const PlannedStream& planned = job.plan.streams[i];
  StreamState& stream = *planned.stream;
  const RangesOf& ranges = job.of_stream[i];
  if (stream.gone() || ranges.begin == ranges.end) return;
  CHECK(stream.row.committed_end == planned.expected_end);
  const Range& last = job.ranges[ranges.end - 1];
  StreamRow row = stream.row;
  if (row.annotation.object != kNoObject) ++released[row.annotation.object];
  row.committed_end = last.built.end;
  if (parts_.options.is_small_range(planned.content_bytes)) ++row.packed_ranges;
  row.annotation = {.object = *job.objects[last.object].id,
                    .footer_position = last.built.footer_position,
                    .footer_length = last.built.footer_length,
                    .first = last.built.first};
  ++job.added[row.annotation.object];
  const std::string key = stream_row_key(stream.id);
  transaction.require(key, encode_stream_row(stream.row)).set(key, encode_stream_row(row));
  for (const segment::SegmentRow& segment : segment_rows(job, i)) {
    ++job.added[segment.object];
    transaction.set(segment_row_key(stream.id, segment.range.first),
                    segment::encode_segment_row(segment));
  }
  job.new_rows.emplace_back(i, std::move(row));
}

base::Task<base::Status> Offloader::commit(Job& job, Commit what) {
  const RowGate::Pass pass = co_await parts_.gate.enter();
  metadata::Transaction transaction;
  SegmentObjects::Released released;
  size_t bytes = 0;
  for (size_t i = 0; i < job.plan.streams.size(); ++i) {
    const size_t before = transaction.writes.size() + transaction.conditions.size();
    add_stream(job, i, transaction, released);
    bytes += 400 * (transaction.writes.size() + transaction.conditions.size() - before);
    if (bytes < kTransactionBytesTarget) continue;
    CO_TRY(co_await commit_part(job, std::move(transaction), std::move(released), Part::kMore));
    transaction = {};
    released = {};
    bytes = 0;
  }
  if (what == Commit::kUploaded && transaction.writes.empty()) co_return base::Status{};
  co_return co_await commit_part(job, std::move(transaction), std::move(released),
                                 what == Commit::kAll ? Part::kLast : Part::kMore);
}

base::Task<base::Status> Offloader::commit_part(Job& job, metadata::Transaction transaction,
                                                SegmentObjects::Released released, Part part) {
  transaction.conditions.push_back(parts_.row.condition());
  for (Object& object : job.objects) {
    const auto it = job.added.find(*object.id);
    if (it == job.added.end()) continue;
    const auto [id, added] = *it;
    object.next_row = object.row.state == ObjectState::kPrepared
                          ? parts_.objects.commit(transaction, id, added)
                          : SegmentObjects::commit_more(transaction, id, object.row, added);
  }
  CO_TRY(co_await parts_.objects.release(transaction, released));
  ChannelRow row = parts_.row.row();
  if (part == Part::kLast) {
    row = row_after(job.plan);
    transaction.set(parts_.row.key(), encode_channel_row(row));
  }
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (!committed.has_value()) {
    job.in_doubt = committed.error().code == ErrorCode::kUnknownOutcome;
    if (committed.error().code != ErrorCode::kConditionFailed) co_return committed;
    co_return base::fail(ErrorCode::kFenced, "offload: the channel row or a stream row changed");
  }
  parts_.row.set(std::move(row));
  adopt(job);
  co_return base::Status{};
}

ChannelRow Offloader::row_after(const OffloadPlan& plan) const {
  ChannelRow row = parts_.row.row();
  const auto it = std::find_if(row.undrained.begin(), row.undrained.end(),
                               [&](const UndrainedEpoch& e) { return e.epoch == plan.epoch; });
  CHECK(it != row.undrained.end());
  CHECK(it == row.undrained.begin());  // epochs drain in order (P9)
  it->g = plan.new_g;
  if (it->g >= it->end) row.undrained.erase(it);
  return row;
}

// A part's commit is durable: memory follows, also if the next part fails.
void Offloader::adopt(Job& job) {
  for (Object& object : job.objects) {
    if (job.added.contains(*object.id)) object.row = object.next_row;
  }
  job.added.clear();
  for (auto& [i, row] : std::exchange(job.new_rows, {})) {
    const PlannedStream& planned = job.plan.streams[i];
    StreamState& stream = *planned.stream;
    if (row.packed_ranges >= parts_.options.packed_ranges_max) merge_wanted_.insert(stream.id);
    stream.row = std::move(row);
    stream.annotation = std::move(job.ranges[job.of_stream[i].end - 1].annotation);
    stream.annotation_loaded = true;
    if (!stream.segments_loaded) continue;
    for (const segment::SegmentRow& segment : segment_rows(job, i)) {
      stream.segments.push_back(segment);
    }
  }
}

std::optional<StreamId> Offloader::next_merge() {
  if (merge_wanted_.empty()) return std::nullopt;
  return merge_wanted_.extract(merge_wanted_.begin()).value();
}

base::Task<void> Offloader::free_chunks() {
  const ChannelRow& row = parts_.row.row();
  UndrainedEpoch oldest{.epoch = row.epoch + 1, .g = ChunkSeq(0), .end = kOpenEnd};
  if (!row.undrained.empty()) oldest = row.undrained.front();
  for (chunk::ChunkReplica* replica : parts_.replicas) {
    const base::Status removed =
        co_await replica->remove_below(parts_.options.channel, oldest.epoch, oldest.g);
    if (!removed.has_value()) {
      base::log_warn("chunk log: cannot free chunks: " + removed.error().message);
    }
  }
}

}  // namespace thalweg::channel
