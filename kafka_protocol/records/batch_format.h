// The fixed header of a RecordBatch v2, as it travels on the wire and lies in a stream (big endian
// throughout).
//
//   0   i64  base offset                 | outside the CRC: the broker writes them
//   8   i32  length: bytes that follow   |
//   12  i32  partition leader epoch      | outside the CRC: the broker writes it
//   16  i8   magic = 2                   |
//   17  u32  CRC-32C of bytes 21..end
//   21  i16  attributes, by bit: 0-2 compression, 3 log append time, 4 transactional, 5 control,
//            6 delete horizon
//   23  i32  last offset delta
//   27  i64  base timestamp, ms
//   35  i64  max timestamp, ms
//   43  i64  producer id, -1 = none
//   51  i16  producer epoch
//   53  i32  base sequence
//   57  i32  record count
//   61  records, compressed as one block if the attributes say so
//
// A record: varint length, i8 attributes, varlong timestamp delta, varint offset delta, varint key
// length (-1 = null), key, varint value length (-1 = null), value, varint header count, then per
// header varint key length, key, varint value length (-1 = null), value. Varints are zigzag
// encoded.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace thalweg::records {

inline constexpr size_t kBaseOffsetAt = 0;
inline constexpr size_t kLengthAt = 8;
inline constexpr size_t kLeaderEpochAt = 12;
inline constexpr size_t kMagicAt = 16;
inline constexpr size_t kCrcAt = 17;
inline constexpr size_t kAttributesAt = 21;
inline constexpr size_t kLastOffsetDeltaAt = 23;
inline constexpr size_t kBaseTimestampAt = 27;
inline constexpr size_t kMaxTimestampAt = 35;
inline constexpr size_t kProducerIdAt = 43;
inline constexpr size_t kProducerEpochAt = 51;
inline constexpr size_t kBaseSequenceAt = 53;
inline constexpr size_t kRecordCountAt = 57;
inline constexpr size_t kBatchHeaderBytes = 61;
static_assert(kRecordCountAt + sizeof(int32_t) == kBatchHeaderBytes);

inline constexpr size_t kLengthEndsAt = 12;  // the length field counts from here
inline constexpr int8_t kMagic = 2;

inline constexpr uint16_t kCompressionMask = 0x07;
inline constexpr uint16_t kLogAppendTimeBit = 0x08;
inline constexpr uint16_t kTransactionalBit = 0x10;
inline constexpr uint16_t kControlBit = 0x20;
inline constexpr uint16_t kDeleteHorizonBit = 0x40;

// The smallest record: seven one-byte fields.
inline constexpr size_t kRecordBytesMin = 7;

inline constexpr int64_t kNoProducerId = -1;
inline constexpr int16_t kNoProducerEpoch = -1;
inline constexpr int32_t kNoSequence = -1;

template <std::integral T>
T load_big_endian(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (sizeof(T) > 1) value = std::byteswap(value);
  return value;
}

template <std::integral T>
void store_big_endian(T value, std::byte* at) {
  if constexpr (sizeof(T) > 1) value = std::byteswap(value);
  std::memcpy(at, &value, sizeof value);
}

static_assert(std::endian::native == std::endian::little, "the swaps above assume it");

}  // namespace thalweg::records
