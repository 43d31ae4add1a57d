// A chunk: one write to the log. Entries of many streams, then an index of them, then zeros up to a
// multiple of 4096.
//
//   0     u32  magic "TWCK"
//   4     u16  version, 2
//   6     u8   kind: 1 = CHUNK, 2 = SEAL
//   7     u8   zero
//   8     u64  incarnation of the store it was written for
//   16    u64  epoch
//   24    u64  seq
//   32    u64  nonce of the writer (of the sealer in a SEAL)
//   40    u64  durable watermark dw: every chunk of the epoch below it was durable when this one
//              was created
//   48    u32  channel
//   52    u32  entry count
//   56    u64  body length: entries, index and padding
//   64    u64  total length: 256 + body length; a multiple of 4096 in a CHUNK, 256 in a SEAL
//   72    u64  position of the index, from the start of the chunk
//   80    u32  CRC32C of the index
//   84    u32  CRC32C of the body
//   88    zeros
//   252   u32  CRC32C of bytes 0..251
//   256   entries, framed as entry_format.h says, each at a multiple of 8
//   index per entry: u32 position of its frame from the start of the chunk, u32 CRC32C of the
//         frame, its 40-byte entry header again, and the 16 bytes of its digest (entry_digest.h)
//   ...   zeros
//
// All integers are little endian. Every byte of the chunk lies under the header's CRC or the
// body's. An entry is summed once, while it is copied into the chunk: the CRCs of the body and of
// the segment block it later comes to are joined from the entries'. The header and the index can be
// read without the payloads, which is how a recovery learns what a log holds.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"
#include "streamcore/entry_digest.h"
#include "streamcore/entry_format.h"
#include "streamcore/types.h"

namespace thalweg::chunk {

inline constexpr size_t kChunkHeaderBytes = 256;
inline constexpr size_t kChunkAlignment = base::kIoAlignment;
inline constexpr size_t kIndexEntryBytes = 4 + 4 + kEntryHeaderBytes + kEntryDigestBytes;
// No chunk is longer: one entry of 100 MiB fits with its frame, and a decoder allocates no more
// than this.
inline constexpr uint64_t kChunkBytesMax = 256ull << 20;

enum class ChunkKind : uint8_t { kChunk = 1, kSeal = 2 };

// What names a chunk and its writer; the builder is told when the chunk is finished.
struct ChunkIds {
  uint64_t incarnation = 0;
  ChannelId channel{};
  ChannelEpoch epoch{};
  ChunkSeq seq{};
  uint64_t nonce = 0;
};

struct ChunkHeader {
  ChunkKind kind = ChunkKind::kChunk;
  uint64_t incarnation = 0;
  ChannelId channel{};
  ChannelEpoch epoch{};
  ChunkSeq seq{};
  uint64_t nonce = 0;
  ChunkSeq dw{};
  uint32_t entry_count = 0;
  uint64_t body_length = 0;
  uint64_t total_length = 0;
  uint64_t index_position = 0;
  uint32_t index_crc = 0;
  uint32_t body_crc = 0;

  uint64_t index_length() const { return uint64_t{entry_count} * kIndexEntryBytes; }
  // Equal headers mean equal chunks: the body's CRC and the writer's nonce are in them (P2).
  friend bool operator==(const ChunkHeader&, const ChunkHeader&) = default;
};

// For messages: "channel=1 epoch=2 seq=3 chunk".
std::string describe(const ChunkHeader& header);

// Writes kChunkHeaderBytes at `out`.
void encode_header(const ChunkHeader& header, std::byte* out);
// Decodes the first kChunkHeaderBytes of `bytes`, which need not hold the body, and checks that the
// lengths in it agree with each other. kCorrupt; kUnsupported for a later version whose CRC
// matches.
base::Result<ChunkHeader> decode_header(base::ByteView bytes);

// A SEAL is a header alone: 256 bytes with the sealer's nonce.
base::Buffer encode_seal(const ChunkIds& ids);

struct IndexedEntry {
  EntryHeader header{};
  uint32_t position = 0;  // of the entry's frame, from the start of the chunk
  uint32_t crc = 0;       // of the frame: header, payload, padding
  EntryDigest digest{};

  friend bool operator==(const IndexedEntry&, const IndexedEntry&) = default;
};

// Decodes the index of the chunk with this header; `bytes` are the index alone. kCorrupt.
base::Result<std::vector<IndexedEntry>> decode_index(const ChunkHeader& header,
                                                     base::ByteView bytes);

struct ChunkEntry {
  EntryHeader header{};
  uint64_t position = 0;  // of the frame, from the start of the chunk
  base::ByteView payload{};
  base::ByteView frame{};  // header, payload and padding: what a segment takes over as it is
};

// ChunkView: a whole chunk whose every byte was checked. It shares the buffer the bytes lie in.
class ChunkView {
 public:
  // kCorrupt if anything is wrong, also if `chunk` is longer or shorter than its header says. A
  // SEAL has no entries.
  static base::Result<ChunkView> open(base::Slice chunk);

  const ChunkHeader& header() const { return header_; }
  const std::vector<ChunkEntry>& entries() const { return entries_; }
  const base::Slice& slice() const { return chunk_; }

 private:
  base::Slice chunk_;
  ChunkHeader header_;
  std::vector<ChunkEntry> entries_{};
};

// The length of the chunk that has these entries.
uint64_t chunk_length(const std::vector<IndexedEntry>& entries);

// A chunk that will not change any more (P1). `buffer` is 4096-aligned and `length`, a multiple of
// 4096, is the chunk.
struct FinishedChunk {
  ChunkHeader header;
  base::Buffer buffer{};
  uint64_t offset = 0;  // of the chunk in the buffer
  uint64_t length = 0;
  std::vector<IndexedEntry> entries{};

  base::ByteView bytes() const { return {buffer.data() + offset, static_cast<size_t>(length)}; }
  base::Slice slice() const { return {buffer, bytes()}; }
};

// ChunkBuilder: an open chunk in a buffer of its own. The one copy of record bytes is the one add()
// makes.
class ChunkBuilder {
 public:
  // The buffer's whole capacity may be used, up to kChunkBytesMax; nobody else writes to it.
  explicit ChunkBuilder(base::Buffer buffer);
  // The same within `bytes_max` bytes of the buffer from `offset` on, both multiples of 4096: other
  // chunks may lie in the rest.
  ChunkBuilder(base::Buffer buffer, uint64_t offset, uint64_t bytes_max);

  // What a chunk of entries with these payload lengths takes in all, padding included.
  template <class... Lengths>
  static size_t bytes_needed(Lengths... payload_lengths) {
    return bytes_needed({static_cast<size_t>(payload_lengths)...});
  }
  static size_t bytes_needed(std::initializer_list<size_t> payload_lengths);

  bool fits(size_t payload_length) const;
  // Copies the payload (header.length == payload.size(), fits() is CHECKed), has `stamp` write
  // server-assigned fields into the copy, and answers where it lies. It is final then.
  template <class Stamp>
  std::byte* add(const EntryHeader& header, base::ByteView payload, const EntryDigest& digest,
                 Stamp stamp) {
    std::byte* const copy = place(header, payload, digest);
    stamp(copy);
    sum_last();
    return copy;
  }
  std::byte* add(const EntryHeader& header, base::ByteView payload,
                 const EntryDigest& digest = {}) {
    return add(header, payload, digest, [](std::byte*) {});
  }

  const std::vector<IndexedEntry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  // What the chunk would take if it were finished now, without the padding.
  uint64_t bytes() const { return position_ + entries_.size() * kIndexEntryBytes; }
  // What the finished chunk takes, padding included.
  uint64_t finished_length() const { return base::align_up(bytes(), kChunkAlignment); }
  size_t capacity() const { return capacity_; }

  // Writes index, padding, CRCs and header. The builder is spent. A chunk without entries is a
  // valid one.
  FinishedChunk finish(const ChunkIds& ids, ChunkSeq dw);

 private:
  std::byte* place(const EntryHeader& header, base::ByteView payload, const EntryDigest& digest);
  void sum_last();

  base::Buffer buffer_{};
  uint64_t offset_;
  size_t capacity_;
  uint64_t position_ = kChunkHeaderBytes;  // where the next frame goes
  uint32_t body_crc_ = 0;                  // up to there
  std::vector<IndexedEntry> entries_{};
};

}  // namespace thalweg::chunk
