#include "streamcore/segment/segment_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "streamcore/base/check.h"

namespace thalweg::segment {

using base::ErrorCode;
using base::fail;

std::string encode_segment_row(const SegmentRow& row) {
  base::ByteWriter out;
  out.put(kSegmentRowVersion)
      .put(row.object.value)
      .put(row.range.stream.value)
      .put(row.range.first.value)
      .put(row.range.end.value)
      .put(row.range.footer_position)
      .put(row.range.footer_length)
      .put(row.range.bytes)
      .put(row.range.max_timestamp)
      .put(row.range.min_timestamp);
  std::string sealed = std::move(out).seal();
  CHECK_EQ(sealed.size(), kSegmentRowBytes);
  return sealed;
}

base::Result<SegmentRow> decode_segment_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "segment row")));
  const auto version = in.get<uint8_t>();
  if (in.ok() && version != kSegmentRowVersion) {
    return fail(ErrorCode::kUnsupported, "segment row: version " + std::to_string(version));
  }
  SegmentRow row;
  row.object = ObjectId(in.get<uint64_t>());
  row.range.stream = StreamId(in.get<uint64_t>());
  row.range.first = Offset(in.get<uint64_t>());
  row.range.end = Offset(in.get<uint64_t>());
  row.range.footer_position = in.get<uint64_t>();
  row.range.footer_length = in.get<uint64_t>();
  row.range.bytes = in.get<uint64_t>();
  row.range.max_timestamp = in.get<int64_t>();
  row.range.min_timestamp = in.get<int64_t>();
  if (!in.at_end() || row.range.first > row.range.end) {
    return fail(ErrorCode::kCorrupt, "segment row: expected " + std::to_string(kSegmentRowBytes) +
                                         " bytes with an ordered range, got " +
                                         std::to_string(bytes.size()) + " bytes");
  }
  return row;
}

}  // namespace thalweg::segment
