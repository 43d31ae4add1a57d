// The metadata row of one stream's range in a segment. Its key, made by the owner of the row,
// carries the stream and the range's end; the row repeats both, so that a row under a wrong key is
// noticed.
//
//   0   u8   version
//   1   u64  object id
//   9   u64  stream id
//   17  u64  first offset
//   25  u64  end offset
//   33  u64  footer position
//   41  u64  footer length
//   49  u64  bytes of blocks
//   57  i64  largest timestamp, -1 = none
//   65  i64  smallest timestamp, -1 = none
//   73  u32  CRC32C of bytes 0..72
//
// All integers are little endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamcore/base/clock.h"
#include "streamcore/base/result.h"
#include "streamcore/types.h"

namespace thalweg::segment {

inline constexpr uint8_t kSegmentRowVersion = 1;
inline constexpr size_t kSegmentRowBytes = 77;

// A contiguous range of a stream inside a segment object. Its blocks, `bytes` long, end where its
// footer begins; with no bytes the range holds nothing but an annotation.
struct StreamRange {
  StreamId stream{};
  Offset first{};
  Offset end{};
  uint64_t footer_position = 0;
  uint64_t footer_length = 0;
  uint64_t bytes = 0;
  base::Timestamp max_timestamp = -1;
  base::Timestamp min_timestamp = -1;
  friend bool operator==(const StreamRange&, const StreamRange&) = default;
};

struct SegmentRow {
  ObjectId object{};
  StreamRange range{};
  friend bool operator==(const SegmentRow&, const SegmentRow&) = default;
};

std::string encode_segment_row(const SegmentRow& row);
// kCorrupt; kUnsupported for an intact row of another version.
base::Result<SegmentRow> decode_segment_row(std::string_view bytes);

}  // namespace thalweg::segment
