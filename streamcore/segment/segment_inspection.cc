#include "streamcore/segment/segment_inspection.h"

#include <algorithm>

#include "streamcore/base/crc32c.h"
#include "streamcore/entry_format.h"
#include "streamcore/segment/segment_format.h"

namespace thalweg::segment {

namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;

std::unexpected<base::Error> corrupt_block(const BlockEntry& block, const std::string& what) {
  return fail(ErrorCode::kCorrupt,
              "segment: block at " + std::to_string(block.position) + ": " + what);
}

// Counts what the block's entries say into `seen`.
base::Status inspect_block(ByteView object, const BlockEntry& block, FooterFields& seen) {
  ByteView rest = object.subspan(block.position, block.length);
  const uint32_t got = base::crc32c(rest);
  if (got != block.crc) {
    return corrupt_block(
        block, "expected CRC " + std::to_string(block.crc) + ", got " + std::to_string(got));
  }
  BlockEntry walked{.first = block.first,
                    .end = block.first,
                    .position = block.position,
                    .length = block.length,
                    .crc = block.crc};
  while (!rest.empty()) {
    const EntryHeader entry = TRY(decode_entry_header(rest));
    if (entry.stream != seen.stream || entry.base < walked.end ||
        (walked.entries == 0 && entry.base != block.first)) {
      return corrupt_block(block, "an entry that does not belong there");
    }
    walked.end = entry.end();
    walked.max_timestamp = std::max(walked.max_timestamp, entry.max_timestamp);
    ++walked.entries;
    ++seen.entries;
    seen.records += entry.count;
    if (entry.max_timestamp >= 0 &&
        (seen.min_timestamp < 0 || entry.max_timestamp < seen.min_timestamp)) {
      seen.min_timestamp = entry.max_timestamp;
    }
    rest = rest.subspan(framed_entry_bytes(entry.length));
  }
  seen.max_timestamp = std::max(seen.max_timestamp, walked.max_timestamp);
  if (walked != block) return corrupt_block(block, "entries differ from the index");
  return {};
}

base::Status inspect_stream(ByteView object, const StreamFooter& footer) {
  FooterFields seen{.stream = footer.fields().stream,
                    .first = footer.fields().first,
                    .end = footer.fields().end,
                    .blocks_position = footer.fields().blocks_position,
                    .blocks_bytes = footer.fields().blocks_bytes};
  for (size_t i = 0; i < footer.block_count(); ++i) {
    TRY(inspect_block(object, footer.block(i), seen));
  }
  if (seen != footer.fields()) {
    return fail(ErrorCode::kCorrupt, "segment: stream " + std::to_string(seen.stream.value) +
                                         ": entries differ from the footer");
  }
  return {};
}

}  // namespace

base::Result<std::vector<StreamFooter>> inspect_segment(base::Slice object) {
  const ByteView bytes = object.bytes;
  TRY(decode_segment_header(bytes));
  if (bytes.size() < kSegmentHeaderBytes + kTrailerEndBytes) {
    return fail(ErrorCode::kCorrupt, "segment: cut off");
  }
  const uint64_t trailer_bytes =
      TRY(segment_trailer_bytes(bytes.last(kTrailerEndBytes), bytes.size()));
  const uint64_t trailer_at = bytes.size() - trailer_bytes;
  const auto places = TRY(decode_segment_trailer(bytes.last(trailer_bytes), trailer_at));
  std::vector<StreamFooter> footers;
  uint64_t at = kSegmentHeaderBytes;
  for (const FooterPlace& place : places) {
    if (place.position < at || place.position > trailer_at ||
        place.length > trailer_at - place.position) {
      return fail(ErrorCode::kCorrupt, "segment trailer: a footer out of its place");
    }
    base::Slice slice{object.owner, bytes.subspan(place.position, place.length)};
    StreamFooter footer = TRY(StreamFooter::open(std::move(slice), place.position));
    if (footer.fields().stream != place.stream || footer.fields().blocks_position != at) {
      return fail(ErrorCode::kCorrupt, "segment: footer at " + std::to_string(place.position) +
                                           " is of another stream or leaves a gap");
    }
    TRY(inspect_stream(bytes, footer));
    at = place.position + place.length;
    footers.push_back(std::move(footer));
  }
  if (at != trailer_at) return fail(ErrorCode::kCorrupt, "segment: a gap before the trailer");
  return footers;
}

}  // namespace thalweg::segment
