#include "streamcore/base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <bit>
#include <cstring>

#include "streamcore/base/crc32c_paths.h"

namespace thalweg::base {

namespace {

using crc32c_paths::kByteShifts;
using crc32c_paths::kOne;
using crc32c_paths::multiply;

constexpr uint32_t shifted(uint32_t crc, uint64_t bytes) {
  for (; bytes != 0; bytes &= bytes - 1) {
    crc = multiply(kByteShifts[std::countr_zero(bytes)], crc);
  }
  return crc;
}

// ShiftTable: the product of any CRC with a fixed power, a byte at a time.
struct ShiftTable {
  std::array<std::array<uint32_t, 256>, 4> by_byte{};

  constexpr explicit ShiftTable(uint64_t length) {
    const uint32_t power = shifted(kOne, length);
    for (int byte = 0; byte < 4; ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        by_byte[byte][1 << bit] = multiply(uint32_t{1} << (byte * 8 + bit), power);
      }
      for (uint32_t i = 1; i < 256; ++i) {
        by_byte[byte][i] = by_byte[byte][i & (i - 1)] ^ by_byte[byte][i & -i];
      }
    }
  }
  constexpr uint32_t shift(uint64_t crc) const {
    return by_byte[0][crc & 0xFF] ^ by_byte[1][(crc >> 8) & 0xFF] ^ by_byte[2][(crc >> 16) & 0xFF] ^
           by_byte[3][(crc >> 24) & 0xFF];
  }
};

// Long lanes make joining cheap, short ones serve what is left over.
constexpr size_t kLongLane = 4096;
constexpr size_t kShortLane = 256;
constexpr ShiftTable kLongShift(kLongLane);
constexpr ShiftTable kShortShift(kShortLane);

template <typename Word>
inline Word load(const std::byte* p) {
  Word word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

// The instruction has a latency of three cycles and a throughput of one: three independent lanes
// keep it busy.
template <size_t kLane>
inline uint64_t three_lanes(uint64_t crc, const std::byte*& p, const std::byte* end,
                            const ShiftTable& table) {
  while (static_cast<size_t>(end - p) >= 3 * kLane) {
    uint64_t second = 0;
    uint64_t third = 0;
#pragma clang loop unroll_count(8)
    for (size_t i = 0; i < kLane; i += 8) {
      crc = _mm_crc32_u64(crc, load<uint64_t>(p + i));
      second = _mm_crc32_u64(second, load<uint64_t>(p + kLane + i));
      third = _mm_crc32_u64(third, load<uint64_t>(p + 2 * kLane + i));
    }
    crc = table.shift(table.shift(crc) ^ second) ^ third;
    p += 3 * kLane;
  }
  return crc;
}

// From here on setting up the wide registers pays (bench/micro, crc32c_path).
constexpr size_t kFoldFrom = 256;

}  // namespace

namespace crc32c_paths {

uint32_t serial(uint32_t state, ByteView bytes) {
  const std::byte* p = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = state;
  for (; left >= 8; left -= 8, p += 8) crc = _mm_crc32_u64(crc, load<uint64_t>(p));
  auto rest = static_cast<uint32_t>(crc);
  if ((left & 4) != 0) {
    rest = _mm_crc32_u32(rest, load<uint32_t>(p));
    p += 4;
  }
  if ((left & 2) != 0) {
    rest = _mm_crc32_u16(rest, load<uint16_t>(p));
    p += 2;
  }
  if ((left & 1) != 0) rest = _mm_crc32_u8(rest, static_cast<uint8_t>(*p));
  return rest;
}

uint32_t shift(uint32_t state, uint64_t bytes) { return shifted(state, bytes); }

uint32_t lanes(uint32_t state, ByteView bytes) {
  const std::byte* p = bytes.data();
  const std::byte* const end = p + bytes.size();
  uint64_t crc = state;
  crc = three_lanes<kLongLane>(crc, p, end, kLongShift);
  crc = three_lanes<kShortLane>(crc, p, end, kShortShift);
  return serial(static_cast<uint32_t>(crc), {p, end});
}

}  // namespace crc32c_paths

uint32_t crc32c(ByteView bytes, uint32_t previous) {
  using namespace crc32c_paths;
  if (bytes.size() < kFoldFrom) return ~serial(~previous, bytes);
  if (has_fold_avx512()) return ~fold_avx512(~previous, bytes);
  if (has_fold_avx2()) return ~fold_avx2(~previous, bytes);
  return ~lanes(~previous, bytes);
}

uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  using namespace crc32c_paths;
  return (has_clmul() ? shift_clmul(crc_a, length_b) : shift(crc_a, length_b)) ^ crc_b;
}

}  // namespace thalweg::base
