#include "streamcore/chunk/chunk_format.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "streamcore/base/check.h"
#include "streamcore/base/crc32c.h"

namespace thalweg::chunk {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;

constexpr uint32_t kMagic = 0x4B435754;  // "TWCK"
constexpr uint16_t kVersion = 2;

struct Layout {
  uint32_t magic;
  uint16_t version;
  uint8_t kind;
  uint8_t zero;
  uint64_t incarnation;
  uint64_t epoch;
  uint64_t seq;
  uint64_t nonce;
  uint64_t dw;
  uint32_t channel;
  uint32_t entry_count;
  uint64_t body_length;
  uint64_t total_length;
  uint64_t index_position;
  uint32_t index_crc;
  uint32_t body_crc;
  std::byte reserved[164];
  uint32_t crc;
};
static_assert(sizeof(Layout) == kChunkHeaderBytes);
static_assert(offsetof(Layout, reserved) == 88);
static_assert(offsetof(Layout, crc) == kChunkHeaderBytes - 4);
static_assert(kChunkHeaderBytes % kEntryAlignment == 0 && kIndexEntryBytes % kEntryAlignment == 0);

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// Lengths that cannot belong together mean a writer with a bug, since the CRC matched.
bool lengths_agree(const ChunkHeader& h) {
  if (h.kind == ChunkKind::kSeal) {
    return h.body_length == 0 && h.total_length == kChunkHeaderBytes && h.entry_count == 0 &&
           h.index_position == kChunkHeaderBytes;
  }
  return h.total_length <= kChunkBytesMax && h.total_length % kChunkAlignment == 0 &&
         h.total_length == kChunkHeaderBytes + h.body_length &&
         h.index_position >= kChunkHeaderBytes && h.index_position <= h.total_length &&
         h.index_position % kEntryAlignment == 0 &&
         h.index_length() <= h.total_length - h.index_position;
}

}  // namespace

std::string describe(const ChunkHeader& header) {
  return "channel=" + std::to_string(header.channel.value) +
         " epoch=" + std::to_string(header.epoch.value) +
         " seq=" + std::to_string(header.seq.value) +
         (header.kind == ChunkKind::kSeal ? " seal" : " chunk");
}

void encode_header(const ChunkHeader& header, std::byte* out) {
  Layout layout{};
  layout.magic = kMagic;
  layout.version = kVersion;
  layout.kind = static_cast<uint8_t>(header.kind);
  layout.incarnation = header.incarnation;
  layout.epoch = header.epoch.value;
  layout.seq = header.seq.value;
  layout.nonce = header.nonce;
  layout.dw = header.dw.value;
  layout.channel = header.channel.value;
  layout.entry_count = header.entry_count;
  layout.body_length = header.body_length;
  layout.total_length = header.total_length;
  layout.index_position = header.index_position;
  layout.index_crc = header.index_crc;
  layout.body_crc = header.body_crc;
  layout.crc = base::crc32c({reinterpret_cast<const std::byte*>(&layout), offsetof(Layout, crc)});
  std::memcpy(out, &layout, sizeof layout);
}

Result<ChunkHeader> decode_header(ByteView bytes) {
  if (bytes.size() < kChunkHeaderBytes) {
    return fail(ErrorCode::kCorrupt, "chunk: header cut off");
  }
  Layout layout;
  std::memcpy(&layout, bytes.data(), sizeof layout);
  if (layout.magic != kMagic) return fail(ErrorCode::kCorrupt, "chunk: no magic");
  if (layout.crc != base::crc32c(bytes.first(offsetof(Layout, crc)))) {
    return fail(ErrorCode::kCorrupt, "chunk: header CRC does not match");
  }
  if (layout.version != kVersion) {
    return fail(ErrorCode::kUnsupported,
                "chunk: version " + std::to_string(layout.version) + " is not known");
  }
  ChunkHeader header{.kind = static_cast<ChunkKind>(layout.kind),
                     .incarnation = layout.incarnation,
                     .channel = ChannelId(layout.channel),
                     .epoch = ChannelEpoch(layout.epoch),
                     .seq = ChunkSeq(layout.seq),
                     .nonce = layout.nonce,
                     .dw = ChunkSeq(layout.dw),
                     .entry_count = layout.entry_count,
                     .body_length = layout.body_length,
                     .total_length = layout.total_length,
                     .index_position = layout.index_position,
                     .index_crc = layout.index_crc,
                     .body_crc = layout.body_crc};
  const bool known_kind = header.kind == ChunkKind::kChunk || header.kind == ChunkKind::kSeal;
  if (!known_kind || layout.zero != 0 || !all_zero(layout.reserved) || !lengths_agree(header)) {
    return fail(ErrorCode::kCorrupt, "chunk: header fields contradict each other");
  }
  return header;
}

base::Buffer encode_seal(const ChunkIds& ids) {
  base::Buffer buffer = base::Buffer::allocate(kChunkHeaderBytes);
  encode_header({.kind = ChunkKind::kSeal,
                 .incarnation = ids.incarnation,
                 .channel = ids.channel,
                 .epoch = ids.epoch,
                 .seq = ids.seq,
                 .nonce = ids.nonce,
                 .total_length = kChunkHeaderBytes,
                 .index_position = kChunkHeaderBytes},
                buffer.data());
  return buffer;
}

Result<std::vector<IndexedEntry>> decode_index(const ChunkHeader& header, ByteView bytes) {
  if (bytes.size() != header.index_length()) {
    return fail(ErrorCode::kCorrupt, "chunk: index cut off, " + describe(header));
  }
  if (base::crc32c(bytes) != header.index_crc) {
    return fail(ErrorCode::kCorrupt, "chunk: index CRC does not match, " + describe(header));
  }
  std::vector<IndexedEntry> entries;
  entries.reserve(header.entry_count);
  uint64_t expected_position = kChunkHeaderBytes;
  for (; !bytes.empty(); bytes = bytes.subspan(kIndexEntryBytes)) {
    IndexedEntry entry;
    std::memcpy(&entry.position, bytes.data(), sizeof entry.position);
    std::memcpy(&entry.crc, bytes.data() + 4, sizeof entry.crc);
    entry.header = TRY(decode_entry_header_alone(bytes.subspan(8, kEntryHeaderBytes)));
    std::memcpy(entry.digest.data(), bytes.data() + 8 + kEntryHeaderBytes, kEntryDigestBytes);
    const uint64_t framed = framed_entry_bytes(entry.header.length);
    if (entry.position != expected_position || framed > header.index_position ||
        entry.position > header.index_position - framed) {
      return fail(ErrorCode::kCorrupt, "chunk: index entry out of place, " + describe(header));
    }
    expected_position += framed;
    entries.push_back(entry);
  }
  if (expected_position != header.index_position) {
    return fail(ErrorCode::kCorrupt, "chunk: index leaves a gap, " + describe(header));
  }
  return entries;
}

Result<ChunkView> ChunkView::open(base::Slice chunk) {
  ChunkView view;
  view.chunk_ = std::move(chunk);
  const ByteView bytes = view.chunk_.bytes;
  view.header_ = TRY(decode_header(bytes));
  const ChunkHeader& header = view.header_;
  if (bytes.size() != header.total_length) {
    return fail(ErrorCode::kCorrupt, "chunk: expected " + std::to_string(header.total_length) +
                                         " bytes, got " + std::to_string(bytes.size()) + ", " +
                                         describe(header));
  }
  const uint32_t crc = base::crc32c(bytes.subspan(kChunkHeaderBytes));
  if (crc != header.body_crc) {
    return fail(ErrorCode::kCorrupt, "chunk: body CRC expected " + std::to_string(header.body_crc) +
                                         ", got " + std::to_string(crc) + ", " + describe(header));
  }
  const std::vector<IndexedEntry> index =
      TRY(decode_index(header, bytes.subspan(header.index_position, header.index_length())));
  view.entries_.reserve(index.size());
  for (const IndexedEntry& entry : index) {
    const ByteView frame = bytes.subspan(entry.position, framed_entry_bytes(entry.header.length));
    if (TRY(decode_entry_header(frame)) != entry.header) {
      return fail(ErrorCode::kCorrupt, "chunk: index differs from entry, " + describe(header));
    }
    view.entries_.push_back({.header = entry.header,
                             .position = entry.position,
                             .payload = frame.subspan(kEntryHeaderBytes, entry.header.length),
                             .frame = frame});
  }
  if (!all_zero(bytes.subspan(header.index_position + header.index_length()))) {
    return fail(ErrorCode::kCorrupt, "chunk: padding is not zero, " + describe(header));
  }
  return view;
}

uint64_t chunk_length(const std::vector<IndexedEntry>& entries) {
  uint64_t end = kChunkHeaderBytes;
  if (!entries.empty()) {
    end = entries.back().position + framed_entry_bytes(entries.back().header.length);
  }
  return base::align_up(end + entries.size() * kIndexEntryBytes, kChunkAlignment);
}

ChunkBuilder::ChunkBuilder(base::Buffer buffer) : buffer_(std::move(buffer)), offset_(0) {
  capacity_ =
      std::min<uint64_t>(buffer_.capacity(), kChunkBytesMax) / kChunkAlignment * kChunkAlignment;
  CHECK_GE(capacity_, kChunkAlignment);
}

ChunkBuilder::ChunkBuilder(base::Buffer buffer, uint64_t offset, uint64_t bytes_max)
    : buffer_(std::move(buffer)), offset_(offset), capacity_(bytes_max) {
  CHECK_EQ(offset % kChunkAlignment, 0u);
  CHECK_EQ(capacity_ % kChunkAlignment, 0u);
  CHECK_GE(capacity_, kChunkAlignment);
  CHECK_LE(capacity_, kChunkBytesMax);
  CHECK_LE(offset_ + capacity_, buffer_.capacity());
}

size_t ChunkBuilder::bytes_needed(std::initializer_list<size_t> payload_lengths) {
  size_t bytes = kChunkHeaderBytes;
  for (const size_t length : payload_lengths)
    bytes += framed_entry_bytes(length) + kIndexEntryBytes;
  return base::align_up(bytes, kChunkAlignment);
}

bool ChunkBuilder::fits(size_t payload_length) const {
  if (payload_length > capacity_) return false;
  return bytes() + framed_entry_bytes(payload_length) + kIndexEntryBytes <= capacity_;
}

std::byte* ChunkBuilder::place(const EntryHeader& header, ByteView payload,
                               const EntryDigest& digest) {
  CHECK(fits(payload.size()));
  CHECK_EQ(header.length, payload.size());
  CHECK_GE(header.count, 1u);
  std::byte* const frame = buffer_.data() + offset_ + position_;
  std::byte* const copy = frame + kEntryHeaderBytes;
  encode_entry_header(header, frame);
  if (!payload.empty()) std::memcpy(copy, payload.data(), payload.size());
  const size_t framed = framed_entry_bytes(payload.size());
  std::memset(copy + payload.size(), 0, framed - kEntryHeaderBytes - payload.size());
  entries_.push_back(
      {.header = header, .position = static_cast<uint32_t>(position_), .digest = digest});
  position_ += framed;
  return copy;
}

// The bytes were just written: no other time is as cheap.
void ChunkBuilder::sum_last() {
  IndexedEntry& last = entries_.back();
  const uint64_t framed = position_ - last.position;
  last.crc = base::crc32c({buffer_.data() + offset_ + last.position, framed});
  body_crc_ = base::crc32c_combine(body_crc_, last.crc, framed);
}

FinishedChunk ChunkBuilder::finish(const ChunkIds& ids, ChunkSeq dw) {
  CHECK(buffer_);
  CHECK(dw <= ids.seq);
  std::byte* const data = buffer_.data() + offset_;
  const uint64_t index_position = position_;
  uint64_t end = index_position;
  for (const IndexedEntry& entry : entries_) {
    std::memcpy(data + end, &entry.position, 4);
    std::memcpy(data + end + 4, &entry.crc, 4);
    std::memcpy(data + end + 8, data + entry.position, kEntryHeaderBytes);
    std::memcpy(data + end + 8 + kEntryHeaderBytes, entry.digest.data(), kEntryDigestBytes);
    end += kIndexEntryBytes;
  }
  const uint64_t total = base::align_up(end, kChunkAlignment);
  CHECK_LE(total, capacity_);
  std::memset(data + end, 0, total - end);
  const ByteView index{data + index_position, end - index_position};
  const uint32_t index_crc = base::crc32c(index);
  const uint32_t body_crc = base::crc32c_combine(body_crc_, index_crc, index.size());

  FinishedChunk chunk;
  chunk.header = {.kind = ChunkKind::kChunk,
                  .incarnation = ids.incarnation,
                  .channel = ids.channel,
                  .epoch = ids.epoch,
                  .seq = ids.seq,
                  .nonce = ids.nonce,
                  .dw = dw,
                  .entry_count = static_cast<uint32_t>(entries_.size()),
                  .body_length = total - kChunkHeaderBytes,
                  .total_length = total,
                  .index_position = index_position,
                  .index_crc = index_crc,
                  .body_crc = base::crc32c({data + end, total - end}, body_crc)};
  encode_header(chunk.header, data);
  chunk.buffer = std::move(buffer_);
  chunk.offset = offset_;
  chunk.length = total;
  chunk.entries = std::move(entries_);
  return chunk;
}

}  // namespace thalweg::chunk
