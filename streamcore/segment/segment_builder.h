// SegmentBuilder: lays entries out as a segment without copying them. It keeps views into the
// buffers the entries already lie in (chunk buffers, blocks of older segments) and makes only
// headers and footers itself.
//
// Use: for each stream, in ascending order of ids: begin_stream, add entries in ascending order of
// offsets, end_stream; then finish once. Breaking the order is a bug. The CRCs of the blocks and of
// the whole are joined from those of the frames, so that building reads no frame whose CRC is
// known.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/entry_format.h"
#include "streamcore/segment/segment_format.h"
#include "streamcore/segment/segment_row_format.h"
#include "streamcore/segment/stream_footer_format.h"

namespace thalweg::segment {

// A segment ready to be put: `parts`, one after the other, are the object. They point into what is
// kept below them, and stay where they are when it is moved.
struct BuiltSegment {
  std::vector<base::ByteView> parts;
  uint64_t size = 0;
  uint32_t crc = 0;                 // of the object, from what is known of its frames
  std::vector<StreamRange> ranges;  // in the order they were built

  std::deque<std::string> framing;
  std::vector<base::Buffer> buffers;

  BuiltSegment() = default;
  BuiltSegment(BuiltSegment&&) = default;
  BuiltSegment& operator=(BuiltSegment&&) = default;
};

class SegmentBuilder {
 public:
  // `block_bytes`: a block is closed before it would grow beyond this.
  explicit SegmentBuilder(size_t block_bytes = kBlockBytesTarget);

  void begin_stream(StreamId stream);
  // `frame` is the entry as it lies in its buffer: header, payload, padding. The header must be the
  // one it begins with. With `crc`, the CRC32C the frame had when it was last summed, the frame is
  // not looked at: whoever moves the segment finds out whether it still has it.
  void add(const EntryHeader& header, base::Slice frame, uint32_t crc);
  void add(const EntryHeader& header, base::Slice frame);
  // The range is given, not taken from the entries: trimmed or compacted ones are missing from it,
  // perhaps all. Its first entry may begin before `range_start` if it contains it.
  void end_stream(std::string annotation, Offset range_start, Offset range_end);
  // Bytes of the object so far.
  uint64_t bytes() const { return built_.size; }
  BuiltSegment finish();

 private:
  void append(base::ByteView bytes, uint32_t crc);
  void append_framing(std::string bytes);
  void keep(base::Buffer owner);
  void close_block();

  size_t block_bytes_;
  BuiltSegment built_;
  std::vector<FooterPlace> places_;
  // The stream being built.
  bool in_stream_ = false;
  FooterFields fields_;
  std::optional<Offset> first_entry_end_;
  Offset last_entry_end_;
  std::vector<BlockEntry> blocks_;
  BlockEntry block_;  // being built
};

}  // namespace thalweg::segment
