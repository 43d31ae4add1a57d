#include "streamcore/segment/stream_footer_format.h"

#include <cstring>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"

namespace thalweg::segment {

namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;

constexpr uint32_t kFooterMagic = 0x46534854;  // "THSF"

struct HeadLayout {
  uint32_t magic;
  uint8_t version;
  uint8_t zero1[3];
  uint64_t stream;
  uint64_t first;
  uint64_t end;
  uint64_t entries;
  uint64_t records;
  int64_t max_timestamp;
  int64_t min_timestamp;
  uint64_t blocks_position;
  uint64_t blocks_bytes;
  uint64_t block_count;
  uint64_t zero2;
  uint32_t section_count;
  uint32_t table_crc;
  uint32_t zero3;
  uint32_t crc;
};
static_assert(sizeof(HeadLayout) == kFooterHeadBytes);
constexpr size_t kHeadCrcAt = 108;
static_assert(offsetof(HeadLayout, crc) == kHeadCrcAt);

struct SectionLayout {
  uint32_t kind;
  uint32_t crc;
  uint64_t position;
  uint64_t length;
};
static_assert(sizeof(SectionLayout) == kSectionBytes);

struct BlockLayout {
  uint64_t first;
  uint64_t end;
  int64_t max_timestamp;
  uint64_t position;
  uint64_t length;
  uint32_t entries;
  uint32_t crc;
};
static_assert(sizeof(BlockLayout) == kBlockEntryBytes);

template <class Layout>
std::string_view raw(const Layout& layout) {
  return {reinterpret_cast<const char*>(&layout), sizeof(layout)};
}

template <class Layout>
Layout read_at(ByteView bytes, size_t position) {
  Layout layout;
  std::memcpy(&layout, bytes.data() + position, sizeof(layout));
  return layout;
}

std::string encode_index(const std::vector<BlockEntry>& blocks) {
  std::string index;
  index.reserve(blocks.size() * kBlockEntryBytes);
  for (const BlockEntry& block : blocks) {
    index += raw(BlockLayout{.first = block.first.value,
                             .end = block.end.value,
                             .max_timestamp = block.max_timestamp,
                             .position = block.position,
                             .length = block.length,
                             .entries = block.entries,
                             .crc = block.crc});
  }
  return index;
}

SectionLayout section_of(SectionKind kind, std::string_view bytes, uint64_t position) {
  return {.kind = static_cast<uint32_t>(kind),
          .crc = base::crc32c(base::as_bytes(bytes)),
          .position = position,
          .length = bytes.size()};
}

std::unexpected<base::Error> corrupt(uint64_t position, const std::string& what) {
  return fail(ErrorCode::kCorrupt, "stream footer at " + std::to_string(position) + ": " + what);
}

std::unexpected<base::Error> bad_crc(uint64_t position, const char* of, uint32_t expected,
                                     uint32_t got) {
  return corrupt(position, std::string(of) + ": expected CRC " + std::to_string(expected) +
                               ", got " + std::to_string(got));
}

// The head, its CRC checked, with a section table that fits into the footer.
base::Result<HeadLayout> open_head(ByteView footer, uint64_t position) {
  if (footer.size() < kFooterHeadBytes) return corrupt(position, "cut off");
  const auto head = read_at<HeadLayout>(footer, 0);
  if (head.magic != kFooterMagic) return corrupt(position, "no magic");
  const uint32_t got = base::crc32c(footer.first(kHeadCrcAt));
  if (head.crc != got) return bad_crc(position, "head", head.crc, got);
  if (head.version != kFooterVersion) {
    return fail(ErrorCode::kUnsupported, "stream footer at " + std::to_string(position) +
                                             ": version " + std::to_string(head.version));
  }
  const size_t table_bytes = size_t{head.section_count} * kSectionBytes;
  if (head.section_count > kSectionsMax || table_bytes > footer.size() - kFooterHeadBytes) {
    return corrupt(position, "section table cut off");
  }
  const uint32_t table_crc = base::crc32c(footer.subspan(kFooterHeadBytes, table_bytes));
  if (head.table_crc != table_crc) {
    return bad_crc(position, "section table", head.table_crc, table_crc);
  }
  return head;
}

// A section that is not part of the footer ending at `footer_end`. An empty one always is.
bool lies_behind(const SectionLayout& section, uint64_t footer_end) {
  return section.length > 0 && section.position >= footer_end;
}

// Sections lie one behind the other up to the footer's end, or outside of it; those inside match
// their CRCs.
base::Status check_sections(ByteView footer, uint64_t position, const HeadLayout& head) {
  size_t at = kFooterHeadBytes + head.section_count * kSectionBytes;
  bool has_index = false;
  for (size_t i = 0; i < head.section_count; ++i) {
    const auto section = read_at<SectionLayout>(footer, kFooterHeadBytes + i * kSectionBytes);
    if (lies_behind(section, position + footer.size())) continue;
    if (section.position != position + at || section.length > footer.size() - at) {
      return corrupt(position, "section " + std::to_string(i) + " is out of its place");
    }
    const uint32_t got = base::crc32c(footer.subspan(at, section.length));
    if (section.crc != got) return bad_crc(position, "section", section.crc, got);
    if (section.kind == static_cast<uint32_t>(SectionKind::kBlockIndex)) {
      has_index = section.length % kBlockEntryBytes == 0 &&
                  section.length / kBlockEntryBytes == head.block_count;
    }
    at += section.length;
  }
  if (!has_index) return corrupt(position, "no block index of the right size");
  if (at != footer.size()) return corrupt(position, "bytes behind the last section");
  return {};
}

}  // namespace

std::string encode_stream_footer(const FooterFields& fields, const std::vector<BlockEntry>& blocks,
                                 std::string_view annotation) {
  const uint64_t position = fields.blocks_position + fields.blocks_bytes;
  const std::string index = encode_index(blocks);
  constexpr uint32_t kSectionCount = 2;
  const uint64_t index_at = position + kFooterHeadBytes + kSectionCount * kSectionBytes;
  std::string table(raw(section_of(SectionKind::kBlockIndex, index, index_at)));
  table += raw(section_of(SectionKind::kAnnotation, annotation, index_at + index.size()));
  HeadLayout head{.magic = kFooterMagic,
                  .version = kFooterVersion,
                  .zero1 = {},
                  .stream = fields.stream.value,
                  .first = fields.first.value,
                  .end = fields.end.value,
                  .entries = fields.entries,
                  .records = fields.records,
                  .max_timestamp = fields.max_timestamp,
                  .min_timestamp = fields.min_timestamp,
                  .blocks_position = fields.blocks_position,
                  .blocks_bytes = fields.blocks_bytes,
                  .block_count = blocks.size(),
                  .zero2 = 0,
                  .section_count = kSectionCount,
                  .table_crc = base::crc32c(base::as_bytes(table)),
                  .zero3 = 0,
                  .crc = 0};
  head.crc = base::crc32c(base::as_bytes(raw(head).substr(0, kHeadCrcAt)));
  std::string out(raw(head));
  out.reserve(out.size() + table.size() + index.size() + annotation.size());
  out.append(table).append(index).append(annotation);
  return out;
}

StreamFooter::StreamFooter(base::Slice checked) : bytes_(std::move(checked)) {
  const ByteView bytes = bytes_.bytes;
  const auto head = read_at<HeadLayout>(bytes, 0);
  fields_ = {.stream = StreamId(head.stream),
             .first = Offset(head.first),
             .end = Offset(head.end),
             .entries = head.entries,
             .records = head.records,
             .max_timestamp = head.max_timestamp,
             .min_timestamp = head.min_timestamp,
             .blocks_position = head.blocks_position,
             .blocks_bytes = head.blocks_bytes};
  const uint64_t position = fields_.blocks_position + fields_.blocks_bytes;
  for (size_t i = 0; i < head.section_count; ++i) {
    const auto section = read_at<SectionLayout>(bytes, kFooterHeadBytes + i * kSectionBytes);
    if (lies_behind(section, position + bytes.size())) continue;
    const size_t at = section.position - position;
    if (section.kind == static_cast<uint32_t>(SectionKind::kBlockIndex)) {
      index_ = bytes.subspan(at, section.length);
    } else if (section.kind == static_cast<uint32_t>(SectionKind::kAnnotation)) {
      annotation_ = base::as_chars(bytes.subspan(at, section.length));
    }
  }
}

base::Result<StreamFooter> StreamFooter::open(base::Slice footer, uint64_t position) {
  const HeadLayout head = TRY(open_head(footer.bytes, position));
  if (head.blocks_bytes > position || head.blocks_position != position - head.blocks_bytes ||
      head.first > head.end) {
    return corrupt(position, "not where it says it is, or an impossible range");
  }
  TRY(check_sections(footer.bytes, position, head));
  StreamFooter opened(std::move(footer));
  TRY(opened.check_blocks(position));
  return opened;
}

base::Status StreamFooter::check_blocks(uint64_t position) const {
  uint64_t at = fields_.blocks_position;
  Offset end(0);
  for (size_t i = 0; i < block_count(); ++i) {
    const BlockEntry row = block(i);
    if (row.position != at || row.length == 0 || row.length > position - at) {
      return corrupt(position, "block " + std::to_string(i) + " is out of its place");
    }
    if (row.first < end || row.end <= row.first) {
      return corrupt(position, "block " + std::to_string(i) + " is out of order");
    }
    at += row.length;
    end = row.end;
  }
  if (at != position || end > fields_.end) return corrupt(position, "blocks do not fill the range");
  return {};
}

BlockEntry StreamFooter::block(size_t i) const {
  CHECK_LT(i, block_count());
  const auto layout = read_at<BlockLayout>(index_, i * kBlockEntryBytes);
  return {.first = Offset(layout.first),
          .end = Offset(layout.end),
          .max_timestamp = layout.max_timestamp,
          .position = layout.position,
          .length = layout.length,
          .entries = layout.entries,
          .crc = layout.crc};
}

size_t StreamFooter::block_at(Offset offset) const {
  size_t low = 0;
  size_t high = block_count();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (block(middle).end > offset) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

size_t StreamFooter::block_at_timestamp(base::Timestamp timestamp, size_t from_block) const {
  size_t i = from_block;
  while (i < block_count() && block(i).max_timestamp < timestamp) ++i;
  return i;
}

}  // namespace thalweg::segment
