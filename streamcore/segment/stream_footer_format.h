// The footer of one stream in a segment: what the range holds and where. It lies directly behind
// the stream's blocks.
//
//   head, 112 bytes:
//   0    u32  magic
//   4    u8   version, then 3 zeros
//   8    u64  stream id
//   16   u64  first offset of the range
//   24   u64  end offset of the range (its entries may end earlier, or be none at all)
//   32   u64  number of entries
//   40   u64  number of offsets the entries span
//   48   i64  largest timestamp of an entry, -1 = none
//   56   i64  smallest timestamp of an entry that has one, -1 = none
//   64   u64  position of the first block
//   72   u64  length of all blocks; position + length is where this footer begins
//   80   u64  number of blocks
//   88   u64  zeros
//   96   u32  number of sections
//   100  u32  CRC32C of the section table
//   104  u32  zeros
//   108  u32  CRC32C of bytes 0..107
//   section table, 24 bytes each:
//   0    u32  kind
//   4    u32  CRC32C of the section
//   8    u64  position in the object
//   16   u64  length
//   sections that are part of the footer, in the order of the table, without gaps:
//     block index (kind 1), 48 bytes per block:
//     0    u64  first offset
//     8    u64  end offset
//     16   i64  largest timestamp, -1 = none
//     24   u64  position
//     32   u64  length
//     40   u32  number of entries
//     44   u32  CRC32C of the block
//     annotation (kind 2): opaque bytes of the layer above, its state at exactly the range's end
//
// A section of an unknown kind is skipped. Bulky ones that reading entries does not need (kind 3:
// key index, reserved) lie behind the footer, so that fetching a footer does not fetch them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/result.h"
#include "streamcore/types.h"

namespace thalweg::segment {

inline constexpr uint8_t kFooterVersion = 1;
inline constexpr size_t kFooterHeadBytes = 112;
inline constexpr size_t kSectionBytes = 24;
inline constexpr size_t kBlockEntryBytes = 48;
inline constexpr size_t kSectionsMax = 16;

enum class SectionKind : uint32_t { kBlockIndex = 1, kAnnotation = 2, kKeyIndex = 3 };

// One row of the block index.
struct BlockEntry {
  Offset first{};
  Offset end{};
  base::Timestamp max_timestamp = -1;
  uint64_t position = 0;
  uint64_t length = 0;
  uint32_t entries = 0;
  uint32_t crc = 0;
  friend bool operator==(const BlockEntry&, const BlockEntry&) = default;
};

struct FooterFields {
  StreamId stream{};
  Offset first{};
  Offset end{};
  uint64_t entries = 0;
  uint64_t records = 0;
  base::Timestamp max_timestamp = -1;
  base::Timestamp min_timestamp = -1;
  uint64_t blocks_position = 0;
  uint64_t blocks_bytes = 0;
  friend bool operator==(const FooterFields&, const FooterFields&) = default;
};

// The footer of a stream whose blocks are `blocks`; it is to lie at fields.blocks_position +
// fields.blocks_bytes.
std::string encode_stream_footer(const FooterFields& fields, const std::vector<BlockEntry>& blocks,
                                 std::string_view annotation);

// A view of a footer: cheap to copy, keeps the bytes alive, decodes index rows when asked.
class StreamFooter {
 public:
  // Checks all of it: CRCs, sizes, that the blocks follow one another without a gap up to
  // `position`, the footer's place in the object. kCorrupt or kUnsupported.
  static base::Result<StreamFooter> open(base::Slice footer, uint64_t position);
  // The same without checks, for bytes that open() accepted before.
  explicit StreamFooter(base::Slice checked);

  const FooterFields& fields() const { return fields_; }
  size_t block_count() const { return index_.size() / kBlockEntryBytes; }
  BlockEntry block(size_t i) const;
  std::string_view annotation() const { return annotation_; }
  // The first block that ends behind `offset`; block_count() if none does.
  size_t block_at(Offset offset) const;
  // The first block from `from_block` on with an entry of at least `timestamp`; block_count() if
  // none has one.
  size_t block_at_timestamp(base::Timestamp timestamp, size_t from_block) const;

 private:
  base::Status check_blocks(uint64_t position) const;

  base::Slice bytes_;
  FooterFields fields_;
  base::ByteView index_;
  std::string_view annotation_;
};

}  // namespace thalweg::segment
