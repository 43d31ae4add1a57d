#include "streamcore/segment/segment_reader.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"
#include "streamcore/segment/segment_format.h"

namespace thalweg::segment {

namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;

// What is read ahead must not push out what was read ahead before: own run + window, for three
// cursors.
constexpr size_t kCursorsInCache = 3;

std::unexpected<base::Error> corrupt(const std::string& key, uint64_t position,
                                     const std::string& what) {
  return fail(ErrorCode::kCorrupt, key + " at " + std::to_string(position) + ": " + what);
}

// Then it is read again, so often in all: the damage may have come about on the way.
constexpr int kLooksMax = 3;
bool is_damaged(const Result<Slice>& got) {
  return !got && got.error().code == ErrorCode::kCorrupt;
}

std::unexpected<base::Error> closed() {
  return fail(ErrorCode::kClosed, "segment reader: shut down");
}

Result<Slice> verified_block(const Slice& run, uint64_t run_position, const BlockEntry& block,
                             const std::string& key) {
  const ByteView bytes = run.bytes.subspan(block.position - run_position, block.length);
  const uint32_t got = base::crc32c(bytes);
  if (got == block.crc) return Slice{run.owner, bytes};
  return corrupt(key, block.position,
                 "block of " + std::to_string(block.length) + " bytes: expected CRC " +
                     std::to_string(block.crc) + ", got " + std::to_string(got));
}

Result<Slice> verified_footer(Slice bytes, const StreamRange& range, const std::string& key) {
  const auto footer = StreamFooter::open(bytes, range.footer_position);
  if (!footer) return fail(footer.error().code, key + ": " + footer.error().message);
  const FooterFields& fields = footer->fields();
  if (fields.stream != range.stream || fields.first != range.first || fields.end != range.end) {
    return corrupt(key, range.footer_position,
                   "expected stream " + std::to_string(range.stream.value) + " [" +
                       std::to_string(range.first.value) + ", " + std::to_string(range.end.value) +
                       "), got stream " + std::to_string(fields.stream.value) + " [" +
                       std::to_string(fields.first.value) + ", " +
                       std::to_string(fields.end.value) + ")");
  }
  return bytes;
}

// Walk: the entries of verified blocks, one by one.
struct Walk {
  Slice block;
  uint64_t position;  // of the block's rest in the object
  ByteView rest;

  Walk(Slice b, uint64_t at) : block(std::move(b)), position(at), rest(block.bytes) {}
  bool done() const { return rest.empty(); }
  Result<EntryRef> next(StreamId stream, const std::string& key) {
    const auto header = decode_verified_entry_header(rest);
    if (!header) return corrupt(key, position, header.error().message);
    if (header->stream != stream) {
      return corrupt(key, position,
                     "expected an entry of stream " + std::to_string(stream.value) +
                         ", got one of " + std::to_string(header->stream.value));
    }
    const size_t bytes = framed_entry_bytes(header->length);
    EntryRef entry{*header, {block.owner, rest.subspan(kEntryHeaderBytes, header->length)}};
    rest = rest.subspan(bytes);
    position += bytes;
    return entry;
  }
};

// Batch: the entries a read collects, and the bytes still wanted.
struct Batch {
  Offset from;
  size_t max_bytes;
  size_t bytes = 0;
  bool full = false;
  bool through = false;  // with the block that was taken last
  std::vector<EntryRef> entries;

  size_t wanted() const { return max_bytes - std::min(bytes, max_bytes); }
  base::Status take(Walk walk, StreamId stream, const std::string& key) {
    through = false;
    while (!walk.done()) {
      EntryRef entry = TRY(walk.next(stream, key));
      if (entry.header.end() <= from) continue;
      full = !entries.empty() && entry.header.length > wanted();
      if (full) return {};
      bytes += entry.header.length;
      entries.push_back(std::move(entry));
    }
    full = !entries.empty() && wanted() == 0;
    through = true;
    return {};
  }
};

}  // namespace

SegmentReader::SegmentReader(base::Executor& executor, object_store::ObjectStore& store,
                             BlockCache& cache, ReaderOptions options)
    : store_(store),
      cache_(cache),
      options_(options),
      footers_(executor, options.footer_bytes_max),
      cursors_(options.cursors_max),
      group_(executor) {
  const size_t runs = kCursorsInCache * (size_t{options.gets_ahead_max} + 1) + 1;
  options_.get_bytes = std::clamp<size_t>(cache.bytes_max() / runs, 1, options.get_bytes);
}

base::Task<Result<SegmentReader::Source>> SegmentReader::source_of(SegmentRow row) {
  StreamFooter found = CO_TRY(co_await footer(row));
  co_return Source{row, segment_key(row.object), std::move(found)};
}

base::Task<Result<std::vector<EntryRef>>> SegmentReader::read(SegmentRow row, Offset from,
                                                              size_t max_bytes,
                                                              std::optional<SegmentRow> behind) {
  const StreamId stream = row.range.stream;
  const Source source = CO_TRY(co_await source_of(row));
  ReadCursor cursor = cursors_.take(stream, from);
  Batch batch{.from = from, .max_bytes = max_bytes, .entries = {}};
  size_t next = source.footer.block_at(from);
  while (next < source.footer.block_count() && !batch.full) {
    if (group_.stopping()) co_return closed();
    const uint64_t position = source.footer.block(next).position;
    const uint64_t demand = std::clamp<uint64_t>(
        batch.wanted(), 1, uint64_t{options_.gets_ahead_max + 1} * options_.get_bytes);
    const uint64_t ahead = ahead_end(source, position, cursor);
    const auto blocks = request(source, next, position + demand, ahead);
    if (behind && ahead > row.range.footer_position) {
      group_.spawn(begin_ahead(*behind, ahead - row.range.footer_position));
    }
    for (const BlockCache::Lookup& lookup : blocks) {
      const Result<Slice> block = co_await BlockCache::wait(lookup);
      base::Status taken =
          block ? batch.take(Walk(*block, source.footer.block(next).position), stream, source.key)
                : base::Status(std::unexpected(block.error()));
      if (!taken) {
        if (batch.entries.empty()) co_return std::unexpected(std::move(taken).error());
        batch.full = true;
      }
      if (batch.through && cursor.window != 0) {
        cache_.pass({row.object, source.footer.block(next).position});
      }
      if (batch.full) break;
      ++next;
    }
  }
  // A caller that finds nothing more here goes on where the range ends.
  const bool ended = batch.entries.empty() && next == source.footer.block_count();
  cursors_.put(stream, ended ? row.range.end : batch.entries.back().header.end(), cursor);
  co_return std::move(batch.entries);
}

base::Task<Result<std::optional<EntryRef>>> SegmentReader::find_timestamp(SegmentRow row,
                                                                          base::Timestamp timestamp,
                                                                          Offset from) {
  if (row.range.max_timestamp < timestamp) co_return std::nullopt;
  const Source source = CO_TRY(co_await source_of(row));
  size_t next = source.footer.block_at(from);
  while ((next = source.footer.block_at_timestamp(timestamp, next)) < source.footer.block_count()) {
    const uint64_t position = source.footer.block(next).position;
    const auto blocks = request(source, next, position + 1, 0);
    Walk walk(CO_TRY(co_await BlockCache::wait(blocks.front())), position);
    while (!walk.done()) {
      EntryRef entry = CO_TRY(walk.next(row.range.stream, source.key));
      if (entry.header.end() > from && entry.header.max_timestamp >= timestamp) co_return entry;
    }
    ++next;
  }
  co_return std::nullopt;
}

base::Task<Result<std::string>> SegmentReader::annotation(SegmentRow row) {
  const StreamFooter found = CO_TRY(co_await footer(row));
  co_return std::string(found.annotation());
}

base::Task<Result<StreamFooter>> SegmentReader::footer(SegmentRow row) {
  const BlockKey key{row.object, row.range.footer_position};
  std::optional<BlockCache::Lookup> lookup = footers_.look_up(key);
  if (!lookup) {
    if (group_.stopping()) co_return closed();
    if (row.range.footer_length > kFooterBytesMax) {
      co_return corrupt(segment_key(row.object), row.range.footer_position,
                        "footer of " + std::to_string(row.range.footer_length) + " bytes");
    }
    BlockCache::Fill fill = footers_.start({key});
    lookup = fill.look_up(0);
    group_.spawn(fetch_footer(std::move(fill), segment_key(row.object), row.range));
  }
  co_return StreamFooter(CO_TRY(co_await BlockCache::wait(*lookup)));
}

base::Task<Result<Slice>> SegmentReader::get(std::string key, object_store::ByteRange range) {
  base::Duration backoff = options_.backoff_first;
  for (uint32_t attempt = 1;; ++attempt) {
    ++counts_.gets;
    counts_.get_bytes += range.length;
    Result<Slice> got = co_await store_.get(key, range);
    if (got && got->bytes.size() == range.length) co_return got;
    if (got || got.error().code == ErrorCode::kOutOfRange) {
      co_return corrupt(key, range.offset,
                        "expected " + std::to_string(range.length) + " bytes, the object ends");
    }
    if (got.error().code != ErrorCode::kUnavailable || attempt >= options_.get_attempts_max) {
      co_return got;
    }
    if (!co_await group_.sleep_for(backoff)) co_return got;
    backoff *= 2;
  }
}

base::Task<Result<Slice>> SegmentReader::get_footer(const std::string& key,
                                                    const StreamRange& range) {
  Slice got =
      CO_TRY(co_await get(key, {.offset = range.footer_position, .length = range.footer_length}));
  co_return verified_footer(std::move(got), range, key);
}

base::Task<void> SegmentReader::fetch_footer(BlockCache::Fill fill, std::string key,
                                             StreamRange range) {
  Result<Slice> got = co_await get_footer(key, range);
  for (int look = 1; look < kLooksMax && is_damaged(got); ++look) {
    got = co_await get_footer(key, range);
  }
  std::vector<Result<Slice>> blocks;
  blocks.push_back(std::move(got));
  std::move(fill).finish(std::move(blocks));
}

base::Task<std::vector<Result<Slice>>> SegmentReader::get_blocks(
    const std::string& key, const std::vector<BlockEntry>& run) {
  const uint64_t position = run.front().position;
  const uint64_t length = run.back().position + run.back().length - position;
  const Result<Slice> got = co_await get(key, {.offset = position, .length = length});
  std::vector<Result<Slice>> blocks;
  blocks.reserve(run.size());
  for (const BlockEntry& block : run) {
    blocks.push_back(got ? verified_block(*got, position, block, key) : got);
  }
  co_return blocks;
}

base::Task<void> SegmentReader::fetch_run(BlockCache::Fill fill, SegmentRow row,
                                          std::vector<BlockEntry> run, bool ahead) {
  const std::string key = segment_key(row.object);
  const uint64_t length = run.back().position + run.back().length - run.front().position;
  if (ahead) ahead_bytes_ += length;
  std::vector<Result<Slice>> blocks = co_await get_blocks(key, run);
  for (int look = 1; look < kLooksMax && std::ranges::any_of(blocks, is_damaged); ++look) {
    blocks = co_await get_blocks(key, run);
  }
  if (ahead) ahead_bytes_ -= length;
  // Or it is the footer that is another object's: the next read asks for it anew.
  if (std::ranges::any_of(blocks, is_damaged)) {
    footers_.forget({row.object, row.range.footer_position});
  }
  std::move(fill).finish(std::move(blocks));
}

// The first blocks of a range that a sequential read is about to come to. What fails here is found
// again by the read itself.
base::Task<void> SegmentReader::begin_ahead(SegmentRow row, uint64_t bytes) {
  const Result<Source> source = co_await source_of(row);
  if (!source || group_.stopping()) co_return;
  const uint64_t whole_runs = base::align_up(bytes, options_.get_bytes);
  request(*source, 0, /*demand_end=*/0, source->footer.fields().blocks_position + whole_runs);
}

// Runs are the blocks that begin in one stretch of get_bytes, counted from the stream's first
// block, so that readers that come to a run from different places fetch the same one.
uint64_t SegmentReader::run_of(const Source& source, uint64_t position) const {
  return (position - source.footer.fields().blocks_position) / options_.get_bytes;
}

// Where read-ahead has to reach when a read comes to `position`; 0 if it was asked for before. The
// window grows with each run that was used up, not with each read: many small reads must not widen
// it.
uint64_t SegmentReader::ahead_end(const Source& source, uint64_t position,
                                  ReadCursor& cursor) const {
  const uint64_t run = run_of(source, position);
  const bool same_run = cursor.object == source.row.object && cursor.run == run + 1;
  if (cursor.window == 0 || same_run) return 0;
  if (cursor.run != 0) cursor.window = std::min(cursor.window * 2, options_.gets_ahead_max);
  cursor.object = source.row.object;
  cursor.run = run + 1;
  return source.footer.fields().blocks_position + (run + 1 + cursor.window) * options_.get_bytes;
}

// The blocks from `first` on that are neither here nor on their way, within one run and beginning
// before `end`.
std::vector<BlockEntry> SegmentReader::missing_run(const Source& source, size_t first,
                                                   uint64_t end) const {
  std::vector<BlockEntry> run;
  for (size_t i = first; i < source.footer.block_count(); ++i) {
    const BlockEntry block = source.footer.block(i);
    if (!run.empty() && (block.position >= end ||
                         run_of(source, block.position) != run_of(source, run.front().position))) {
      break;
    }
    if (cache_.has({source.row.object, block.position})) break;
    run.push_back(block);
  }
  return run;
}

// The blocks from `first` on that begin before `demand_end`, each here or on its way. Starts what
// is missing of them, and of those before `ahead_end` as far as the limit of read-ahead allows.
std::vector<BlockCache::Lookup> SegmentReader::request(const Source& source, size_t first,
                                                       uint64_t demand_end, uint64_t ahead_end) {
  const uint64_t end = std::max(demand_end, ahead_end);
  std::vector<BlockCache::Lookup> lookups;
  for (size_t i = first; i < source.footer.block_count();) {
    const uint64_t position = source.footer.block(i).position;
    const bool demanded = position < demand_end;
    if (position >= end) break;
    const BlockKey key{source.row.object, position};
    if (cache_.has(key)) {
      if (demanded) lookups.push_back(*cache_.look_up(key));
      ++i;
      continue;
    }
    if (!demanded && ahead_bytes_ + options_.get_bytes > options_.ahead_bytes_max) {
      ++counts_.ahead_skipped;
      break;
    }
    std::vector<BlockEntry> run = missing_run(source, i, end);
    std::vector<BlockKey> keys;
    for (const BlockEntry& block : run) keys.push_back({source.row.object, block.position});
    BlockCache::Fill fill = cache_.start(std::move(keys));
    for (size_t j = 0; j < run.size() && run[j].position < demand_end; ++j) {
      lookups.push_back(fill.look_up(j));
    }
    if (!demanded) ++counts_.ahead_runs;
    i += run.size();
    group_.spawn(fetch_run(std::move(fill), source.row, std::move(run), !demanded));
  }
  return lookups;
}

}  // namespace thalweg::segment
