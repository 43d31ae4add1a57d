// The frame around an entry, the same in a chunk and in a segment, so that offload moves both with
// one slice.
//
//   0   u64  stream id
//   8   u64  base offset
//   16  i64  max timestamp, ms since the epoch, -1 = none
//   24  u32  count: offsets the entry spans, >= 1
//   28  u32  length of the payload in bytes
//   32  i32  leader epoch of the stream when it was appended
//   36  u32  CRC32C of bytes 0..35
//   40  payload, then zeros up to a multiple of 8
//
// All integers are little endian. The payload is covered by the CRC of the chunk body or of the
// segment block.
#pragma once

#include <bit>
#include <cstring>

#include "streamcore/base/bytes.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/crc32c.h"
#include "streamcore/base/result.h"
#include "streamcore/types.h"

namespace thalweg {

static_assert(std::endian::native == std::endian::little, "formats are read and written in place");

inline constexpr size_t kEntryHeaderBytes = 40;
inline constexpr size_t kEntryAlignment = 8;

struct EntryHeader {
  StreamId stream{};
  Offset base{};
  base::Timestamp max_timestamp = -1;
  uint32_t count = 0;
  uint32_t length = 0;
  LeaderEpoch leader_epoch{};

  Offset end() const { return base + count; }
  friend bool operator==(const EntryHeader&, const EntryHeader&) = default;
};

// What an entry with a payload of `length` bytes takes, frame and padding included.
constexpr size_t framed_entry_bytes(size_t length) {
  return base::align_up(kEntryHeaderBytes + length, kEntryAlignment);
}

namespace entry_detail {
struct Layout {
  uint64_t stream;
  uint64_t base;
  int64_t max_timestamp;
  uint32_t count;
  uint32_t length;
  int32_t leader_epoch;
  uint32_t crc;
};
static_assert(sizeof(Layout) == kEntryHeaderBytes);
}  // namespace entry_detail

// Writes kEntryHeaderBytes at `out`.
inline void encode_entry_header(const EntryHeader& header, std::byte* out) {
  entry_detail::Layout layout{.stream = header.stream.value,
                              .base = header.base.value,
                              .max_timestamp = header.max_timestamp,
                              .count = header.count,
                              .length = header.length,
                              .leader_epoch = header.leader_epoch.value,
                              .crc = 0};
  layout.crc = base::crc32c({reinterpret_cast<const std::byte*>(&layout), kEntryHeaderBytes - 4});
  std::memcpy(out, &layout, kEntryHeaderBytes);
}

namespace entry_detail {
inline base::Result<EntryHeader> header_of(const Layout& layout) {
  if (layout.count == 0) return base::fail(base::ErrorCode::kCorrupt, "entry: spans no offset");
  return EntryHeader{.stream = StreamId(layout.stream),
                     .base = Offset(layout.base),
                     .max_timestamp = layout.max_timestamp,
                     .count = layout.count,
                     .length = layout.length,
                     .leader_epoch = LeaderEpoch(layout.leader_epoch)};
}

inline base::Result<EntryHeader> with_payload(const EntryHeader& header, base::ByteView bytes) {
  if (framed_entry_bytes(header.length) > bytes.size()) {
    return base::fail(base::ErrorCode::kCorrupt, "entry: payload cut off");
  }
  return header;
}
}  // namespace entry_detail

// Decodes a header whose payload is elsewhere, as in a chunk's index; kCorrupt.
inline base::Result<EntryHeader> decode_entry_header_alone(base::ByteView bytes) {
  if (bytes.size() < kEntryHeaderBytes) {
    return base::fail(base::ErrorCode::kCorrupt, "entry: header cut off");
  }
  entry_detail::Layout layout;
  std::memcpy(&layout, bytes.data(), kEntryHeaderBytes);
  if (layout.crc != base::crc32c(bytes.first(kEntryHeaderBytes - 4))) {
    return base::fail(base::ErrorCode::kCorrupt, "entry: header CRC does not match");
  }
  return entry_detail::header_of(layout);
}

// Decodes the frame at the front of `bytes` and checks that its payload lies within them; kCorrupt
// otherwise.
inline base::Result<EntryHeader> decode_entry_header(base::ByteView bytes) {
  return entry_detail::with_payload(TRY(decode_entry_header_alone(bytes)), bytes);
}

// The same for bytes whose CRC the caller has verified as a whole, as that of a segment's block:
// what lies within is as it was written, so the header's own CRC is not computed again. Lengths are
// still checked against `bytes`; kCorrupt.
inline base::Result<EntryHeader> decode_verified_entry_header(base::ByteView bytes) {
  if (bytes.size() < kEntryHeaderBytes) {
    return base::fail(base::ErrorCode::kCorrupt, "entry: header cut off");
  }
  entry_detail::Layout layout;
  std::memcpy(&layout, bytes.data(), kEntryHeaderBytes);
  return entry_detail::with_payload(TRY(entry_detail::header_of(layout)), bytes);
}

}  // namespace thalweg
