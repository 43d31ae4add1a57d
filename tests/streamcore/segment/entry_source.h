// Entries for tests: deterministic payloads, laid one behind the other in buffers as a chunk has
// them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/check.h"
#include "streamcore/entry_format.h"
#include "streamcore/segment/segment_builder.h"

namespace thalweg::segment {

struct TestEntry {
  EntryHeader header;
  base::Slice frame;

  base::ByteView payload() const { return frame.bytes.subspan(kEntryHeaderBytes, header.length); }
};

inline EntryHeader entry_header(StreamId stream, uint64_t offset, uint32_t count, uint32_t length,
                                base::Timestamp timestamp) {
  return {.stream = stream,
          .base = Offset(offset),
          .max_timestamp = timestamp,
          .count = count,
          .length = length,
          .leader_epoch = LeaderEpoch(3)};
}

// The entries of these headers, in one buffer.
inline std::vector<TestEntry> lay_out(const std::vector<EntryHeader>& headers) {
  size_t bytes = 0;
  for (const EntryHeader& header : headers) bytes += framed_entry_bytes(header.length);
  const base::Buffer buffer = base::Buffer::allocate(bytes);
  std::vector<TestEntry> entries;
  std::byte* at = buffer.data();
  for (const EntryHeader& header : headers) {
    const size_t framed = framed_entry_bytes(header.length);
    encode_entry_header(header, at);
    for (size_t i = 0; i < framed - kEntryHeaderBytes; ++i) {
      const uint64_t mixed = header.base.value * 31 + header.stream.value * 7 + i;
      at[kEntryHeaderBytes + i] = i < header.length ? static_cast<std::byte>(mixed) : std::byte{0};
    }
    entries.push_back({header, {buffer, {at, framed}}});
    at += framed;
  }
  return entries;
}

// `count` entries of `records` offsets each from `first` on; the timestamp of an entry is its base
// times ten.
inline std::vector<TestEntry> dense_entries(StreamId stream, uint64_t first, size_t count,
                                            uint32_t records, uint32_t length) {
  std::vector<EntryHeader> headers;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t offset = first + i * records;
    headers.push_back(
        entry_header(stream, offset, records, length, static_cast<base::Timestamp>(offset * 10)));
  }
  return lay_out(headers);
}

inline void add_stream(SegmentBuilder& builder, const std::vector<TestEntry>& entries,
                       const std::string& annotation) {
  builder.begin_stream(entries.front().header.stream);
  for (const TestEntry& entry : entries) builder.add(entry.header, entry.frame);
  builder.end_stream(annotation, entries.front().header.base, entries.back().header.end());
}

inline std::string joined(const std::vector<base::ByteView>& parts) {
  std::string out;
  for (const base::ByteView part : parts) out += base::as_chars(part);
  return out;
}

inline base::Slice slice_of(std::string_view bytes) {
  const base::Buffer buffer = base::Buffer::copy_of(base::as_bytes(bytes));
  return {buffer, {buffer.data(), bytes.size()}};
}

}  // namespace thalweg::segment
