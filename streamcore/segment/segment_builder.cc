#include "streamcore/segment/segment_builder.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"

namespace thalweg::segment {

namespace {

// True if `more` was directly behind `bytes` in memory and now is part of it.
bool join(base::ByteView& bytes, base::ByteView more) {
  if (bytes.data() + bytes.size() != more.data()) return false;
  bytes = {bytes.data(), bytes.size() + more.size()};
  return true;
}

}  // namespace

SegmentBuilder::SegmentBuilder(size_t block_bytes) : block_bytes_(block_bytes) {
  append_framing(encode_segment_header());
}

void SegmentBuilder::begin_stream(StreamId stream) {
  CHECK(!in_stream_);
  CHECK(places_.empty() || places_.back().stream < stream);
  in_stream_ = true;
  fields_ = {.stream = stream, .blocks_position = built_.size};
  first_entry_end_.reset();
  last_entry_end_ = Offset(0);
  blocks_.clear();
  block_ = {};
}

void SegmentBuilder::add(const EntryHeader& header, base::Slice frame) {
  const auto framed = decode_entry_header(frame.bytes);
  CHECK(framed.has_value() && *framed == header);
  const uint32_t crc = base::crc32c(frame.bytes);
  add(header, std::move(frame), crc);
}

void SegmentBuilder::add(const EntryHeader& header, base::Slice frame, uint32_t crc) {
  CHECK(in_stream_);
  CHECK_EQ(header.stream.value, fields_.stream.value);
  CHECK_GE(header.base.value, last_entry_end_.value);
  CHECK_EQ(frame.bytes.size(), framed_entry_bytes(header.length));

  if (block_.length != 0 && block_.length + frame.bytes.size() > block_bytes_) close_block();
  if (block_.length == 0) block_ = {.first = header.base, .position = built_.size};
  block_.end = header.end();
  block_.max_timestamp = std::max(block_.max_timestamp, header.max_timestamp);
  ++block_.entries;
  block_.length += frame.bytes.size();
  block_.crc = base::crc32c_combine(block_.crc, crc, frame.bytes.size());

  if (!first_entry_end_) first_entry_end_ = header.end();
  last_entry_end_ = header.end();
  ++fields_.entries;
  fields_.records += header.count;
  fields_.max_timestamp = std::max(fields_.max_timestamp, header.max_timestamp);
  if (header.max_timestamp >= 0 &&
      (fields_.min_timestamp < 0 || header.max_timestamp < fields_.min_timestamp)) {
    fields_.min_timestamp = header.max_timestamp;
  }
  append(frame.bytes, crc);
  keep(std::move(frame.owner));
}

void SegmentBuilder::end_stream(std::string annotation, Offset range_start, Offset range_end) {
  CHECK(in_stream_);
  CHECK_LE(range_start.value, range_end.value);
  CHECK(!first_entry_end_ || *first_entry_end_ > range_start);
  CHECK_LE(last_entry_end_.value, range_end.value);
  close_block();
  fields_.first = range_start;
  fields_.end = range_end;
  fields_.blocks_bytes = built_.size - fields_.blocks_position;
  std::string footer = encode_stream_footer(fields_, blocks_, annotation);
  const FooterPlace place{fields_.stream, built_.size, footer.size()};
  built_.ranges.push_back({.stream = fields_.stream,
                           .first = range_start,
                           .end = range_end,
                           .footer_position = place.position,
                           .footer_length = place.length,
                           .bytes = fields_.blocks_bytes,
                           .max_timestamp = fields_.max_timestamp,
                           .min_timestamp = fields_.min_timestamp});
  places_.push_back(place);
  append_framing(std::move(footer));
  in_stream_ = false;
}

BuiltSegment SegmentBuilder::finish() {
  CHECK(!in_stream_);
  CHECK(!built_.parts.empty());
  append_framing(encode_segment_trailer(places_, built_.size));
  return std::move(built_);
}

void SegmentBuilder::append(base::ByteView bytes, uint32_t crc) {
  built_.size += bytes.size();
  built_.crc = base::crc32c_combine(built_.crc, crc, bytes.size());
  if (built_.parts.empty() || !join(built_.parts.back(), bytes)) built_.parts.push_back(bytes);
}

void SegmentBuilder::append_framing(std::string bytes) {
  built_.framing.push_back(std::move(bytes));
  const base::ByteView framing = base::as_bytes(built_.framing.back());
  append(framing, base::crc32c(framing));
}

void SegmentBuilder::keep(base::Buffer owner) {
  if (!owner) return;
  // Neighbours mostly lie in the same buffer; keeping one reference for them is enough.
  if (!built_.buffers.empty() && built_.buffers.back().data() == owner.data()) return;
  built_.buffers.push_back(std::move(owner));
}

void SegmentBuilder::close_block() {
  if (block_.length == 0) return;
  blocks_.push_back(block_);
  block_ = {};
}

}  // namespace thalweg::segment
