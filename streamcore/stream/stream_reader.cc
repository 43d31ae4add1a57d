#include "streamcore/stream/stream_reader.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/chunk/recovery.h"

namespace thalweg::stream {

using channel::EntryAt;
using channel::StreamState;

namespace {

constexpr size_t kColdChunksMax = 4;

const EntryHeader& header_of(const EntryAt& at) { return at.chunk->header(at.index); }

// The index in stream.entries of the entry that contains `from`; none if it lies before them.
std::optional<size_t> find_entry(const StreamState& stream, Offset from) {
  const auto& entries = stream.entries;
  if (entries.empty() || from < header_of(entries.front()).base) return std::nullopt;
  size_t low = 0;
  size_t high = entries.size();
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (header_of(entries[middle]).base <= from ? low : high) = middle;
  }
  return low;
}

}  // namespace

std::vector<EntryRef> StreamReader::read_memory(const StreamState& stream, Offset from,
                                                size_t max_bytes) {
  std::vector<EntryRef> read;
  const auto start = find_entry(stream, from);
  if (!start.has_value()) return read;
  size_t bytes = 0;
  for (size_t i = *start; i < stream.entries.size(); ++i) {
    const EntryAt& at = stream.entries[i];
    const EntryHeader& header = header_of(at);
    if (header.end() > stream.durable || !at.chunk->in_memory()) break;
    if (!read.empty() && bytes + header.length > max_bytes) break;
    bytes += header.length;
    read.push_back({header, at.chunk->payload(at.index)});
  }
  return read;
}

base::Task<base::Result<std::vector<EntryRef>>> StreamReader::read(StreamState& stream, Offset from,
                                                                   size_t max_bytes) {
  std::vector<EntryRef> memory = read_memory(stream, from, max_bytes);
  if (!memory.empty()) co_return memory;
  if (const auto at = find_entry(stream, from)) {
    co_return co_await read_log(stream, *at, from, max_bytes);
  }
  co_return co_await read_segments(stream, from, max_bytes);
}

base::Task<base::Result<base::Slice>> StreamReader::load_chunk(chunk::ChunkKey key) {
  for (auto it = cold_chunks_.begin(); it != cold_chunks_.end(); ++it) {
    if (it->key != key) continue;
    cold_chunks_.splice(cold_chunks_.begin(), cold_chunks_, it);
    co_return it->bytes;
  }
  const base::Slice bytes = CO_TRY(co_await chunk::read_chunk(replicas_, key));
  cold_chunks_.push_front({key, bytes});
  if (cold_chunks_.size() > kColdChunksMax) cold_chunks_.pop_back();
  co_return bytes;
}

base::Task<base::Result<std::vector<EntryRef>>> StreamReader::read_log(StreamState& stream,
                                                                       size_t at, Offset from,
                                                                       size_t max_bytes) {
  // What is needed of the chunk is copied first: it may be offloaded and forgotten while it is
  // read.
  const channel::LoggedChunk* chunk = stream.entries[at].chunk;
  const chunk::ChunkKey key = chunk->key;
  std::vector<chunk::IndexedEntry> wanted;
  size_t bytes = 0;
  for (size_t i = at; i < stream.entries.size() && stream.entries[i].chunk == chunk; ++i) {
    const chunk::IndexedEntry& entry = chunk->entries[stream.entries[i].index];
    if (entry.header.end() > stream.durable) break;
    if (!wanted.empty() && bytes + entry.header.length > max_bytes) break;
    bytes += entry.header.length;
    wanted.push_back(entry);
  }
  const base::Result<base::Slice> loaded = co_await load_chunk(key);
  if (!loaded.has_value()) {
    // Freed meanwhile, because it is in a segment now.
    if (from < stream.row.committed_end) co_return co_await read_segments(stream, from, max_bytes);
    co_return std::unexpected(loaded.error());
  }
  std::vector<EntryRef> read;
  for (const chunk::IndexedEntry& entry : wanted) {
    const base::ByteView payload =
        loaded->bytes.subspan(entry.position + kEntryHeaderBytes, entry.header.length);
    read.push_back({entry.header, {loaded->owner, payload}});
  }
  co_return read;
}

base::Task<base::Result<std::vector<EntryRef>>> StreamReader::read_segments(StreamState& stream,
                                                                            Offset from,
                                                                            size_t max_bytes) {
  for (int attempt = 0;; ++attempt) {
    CO_TRY(co_await streams_.load_segments(stream));
    if (stream.gone()) {
      co_return base::fail(base::ErrorCode::kNotFound, "the stream was deleted");
    }
    // Now that the rows are known: a trim may have overtaken the read, and left a later segment.
    if (from < stream.row.trim_point) {
      co_return base::fail(base::ErrorCode::kOutOfRange, "trimmed while it was read");
    }
    const auto after = stream.segment_after(from);
    if (after == stream.segments.end()) {
      co_return base::fail(base::ErrorCode::kCorrupt, "stream " + std::to_string(stream.id.value) +
                                                          ": offset " + std::to_string(from.value) +
                                                          " is in no segment");
    }
    const bool last = std::next(after) == stream.segments.end();
    auto read = co_await segments_.read(*after, from, max_bytes,
                                        last ? std::nullopt : std::optional(*std::next(after)));
    // The object may have been replaced or trimmed away since its row was read.
    const bool stale =
        !read.has_value() && read.error().code == base::ErrorCode::kNotFound && attempt == 0;
    if (!stale) {
      // The rows may be another owner's by now, and reach beyond the end that is known here.
      while (read && !read->empty() && read->back().header.end() > stream.durable) read->pop_back();
      co_return read;
    }
    stream.segments_loaded = false;
  }
}

base::Task<base::Result<std::optional<EntryRef>>> StreamReader::find_timestamp(
    StreamState& stream, base::Timestamp timestamp, Offset from) {
  // Rows are looked up afresh after every wait: what leaves the tail meanwhile is in one of them.
  for (int attempt = 0;;) {
    CO_TRY(co_await streams_.load_segments(stream));
    from = std::max(from, stream.row.trim_point);
    const auto next = stream.segment_after(from);
    if (next == stream.segments.end()) break;
    const segment::SegmentRow row = *next;
    if (row.range.max_timestamp >= timestamp) {
      auto found = co_await segments_.find_timestamp(row, timestamp, from);
      // The object may have been replaced or trimmed away since its row was read.
      if (!found.has_value() && found.error().code == base::ErrorCode::kNotFound &&
          attempt++ == 0) {
        stream.segments_loaded = false;
        continue;
      }
      if (!found.has_value() || found->has_value()) co_return found;
    }
    attempt = 0;
    from = row.range.end;
  }
  for (size_t i = find_entry(stream, from).value_or(0); i < stream.entries.size(); ++i) {
    const EntryHeader header = header_of(stream.entries[i]);
    if (header.end() > stream.durable) break;
    if (header.max_timestamp < timestamp || header.end() <= from) continue;
    const auto read = CO_TRY(co_await this->read(stream, header.base, 1));
    co_return read.front();
  }
  co_return std::nullopt;
}

}  // namespace thalweg::stream
