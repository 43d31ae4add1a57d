// A segment: one object with contiguous ranges of one stream or, packed, of many small ones.
// Written once, never changed. Everything a reader needs is in the stream footers
// (stream_footer_format.h), which the metadata rows point at; the trailer finds them again when
// there is only the object.
//
//   +--------------------+ 0
//   | header, 16 bytes   |
//   +--------------------+
//   | blocks of stream A |  each a run of whole framed entries (entry_format.h), about
//   |                    |  kBlockBytesTarget; an entry larger than that is a block of its own
//   | footer of stream A |
//   +--------------------+
//   | blocks of stream B |  streams in ascending order of their ids
//   | footer of stream B |
//   +--------------------+
//   | trailer            |  a place per stream, then 32 bytes that end the object
//   +--------------------+
//
// Header:
//   0   u64  magic
//   8   u8   version
//   9   zeros
//   12  u32  CRC32C of bytes 0..11
//
// Trailer: `count` places of 24 bytes, each
//   0   u64  stream id
//   8   u64  footer position
//   16  u64  footer length
// then the end of 32 bytes:
//   0   u64  position of the places
//   8   u32  count
//   12  u8   version, then zeros
//   20  u32  CRC32C of the trailer so far
//   24  u64  magic
//
// All integers are little endian; positions count from the start of the object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"
#include "streamcore/types.h"

namespace thalweg::segment {

inline constexpr uint8_t kSegmentVersion = 1;
inline constexpr size_t kSegmentHeaderBytes = 16;
inline constexpr size_t kFooterPlaceBytes = 24;
inline constexpr size_t kTrailerEndBytes = 32;
// Large enough that an index stays small, small enough that a read from the middle fetches little
// in vain.
inline constexpr size_t kBlockBytesTarget = 128 * 1024;

// The key of a segment's object: "segment/" and the id in 20 digits, so that keys sort as ids do.
inline constexpr std::string_view kSegmentKeyPrefix = "segment/";
std::string segment_key(ObjectId object);
// The object with this key; none if it is no segment's key.
std::optional<ObjectId> object_of_key(std::string_view key);

// Where a stream's footer lies in the object.
struct FooterPlace {
  StreamId stream{};
  uint64_t position = 0;
  uint64_t length = 0;
  friend bool operator==(const FooterPlace&, const FooterPlace&) = default;
};

std::string encode_segment_header();
// kCorrupt; kUnsupported for an intact header of another version.
base::Status decode_segment_header(base::ByteView bytes);

// The trailer of an object in which it begins at `position`.
std::string encode_segment_trailer(const std::vector<FooterPlace>& places, uint64_t position);
// From the last kTrailerEndBytes of an object of `object_bytes`: how long the whole trailer is. Not
// yet under the CRC: decode_segment_trailer says whether it was true.
base::Result<uint64_t> segment_trailer_bytes(base::ByteView end, uint64_t object_bytes);
// The places in a whole trailer, which lies at `position`.
base::Result<std::vector<FooterPlace>> decode_segment_trailer(base::ByteView trailer,
                                                              uint64_t position);

}  // namespace thalweg::segment
