// CRC-32C by folding, after Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction" (Intel, 2009), with 256-bit and 512-bit registers.
//
// An accumulator holds 16 bytes A of the message. Moving A by `d` bytes towards the end of the
// message multiplies it by x^(8d); any B congruent to A * x^(8d) may be added to the 16 bytes that
// lie there instead of A. With A = low * x^64 + high (the first 8 bytes in memory hold the higher
// powers), B = low * (x^(8d+64) mod P) + high * (x^(8d) mod P) fits into 16 bytes again. Two things
// shift the constants:
//  - The carry-less product of two reflected 64-bit words is, read as a reflected 128-bit word, the
//    product times x.
//  - A remainder of 32 bits in the low half of a 64-bit word is read as the remainder times x^32.
// Both are taken off beforehand, hence x^(8d+31) and x^(8d-33).
//
// In the end the 16 bytes that are left go through the CRC instruction, which reduces them.

#include <immintrin.h>

#include <array>
#include <bit>

#include "streamcore/base/crc32c_paths.h"

#define FOLD_CLMUL [[gnu::target("pclmul,sse4.2")]]
#define FOLD_AVX2 [[gnu::target("avx2,vpclmulqdq,pclmul,sse4.2")]]
#define FOLD_AVX512 [[gnu::target("avx512f,avx512vl,avx512bw,vpclmulqdq,pclmul,sse4.2")]]

namespace thalweg::base::crc32c_paths {

namespace {

constexpr size_t kPieceBytes = 16;

constexpr uint64_t power_of_x(uint64_t exponent) {
  uint32_t power = kOne;
  for (; exponent != 0; --exponent) power = times_x(power);
  return power;
}

// One 16-byte piece of constants: what its two halves are multiplied with to move on by a distance.
struct Distance {
  uint64_t low;
  uint64_t high;
};

constexpr Distance distance(size_t bytes) {
  return {power_of_x(8 * bytes + 31), power_of_x(8 * bytes - 33)};
}

// The same distance for every piece of a register.
template <size_t kPieces>
constexpr std::array<Distance, kPieces> whole_register(size_t bytes) {
  std::array<Distance, kPieces> constants;
  constants.fill(distance(bytes));
  return constants;
}

// Each piece of a register onto the last one; the last stays where it is and is added apart.
template <size_t kPieces>
constexpr std::array<Distance, kPieces> onto_last_piece() {
  std::array<Distance, kPieces> constants{};
  for (size_t i = 0; i + 1 < kPieces; ++i) {
    constants[i] = distance((kPieces - 1 - i) * kPieceBytes);
  }
  return constants;
}

// Element i: accumulator i of kCount neighbouring ones onto the last of them.
template <size_t kPieces, size_t kCount>
constexpr auto joining() {
  std::array<std::array<Distance, kPieces>, kCount - 1> constants;
  for (size_t i = 0; i + 1 < kCount; ++i) {
    constants[i] = whole_register<kPieces>((kCount - 1 - i) * kPieces * kPieceBytes);
  }
  return constants;
}

uint32_t reduce(__m128i piece, ByteView rest) {
  uint64_t crc = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(piece)));
  crc = _mm_crc32_u64(crc, static_cast<uint64_t>(_mm_extract_epi64(piece, 1)));
  return serial(static_cast<uint32_t>(crc), rest);
}

// --- 256 bits ---

constexpr size_t kYmmPieces = 2;
constexpr size_t kYmmBytes = kYmmPieces * kPieceBytes;
constexpr size_t kYmmCount = 8;
alignas(64) constexpr auto kYmmStep = whole_register<kYmmPieces>(kYmmCount * kYmmBytes);
alignas(64) constexpr auto kYmmNext = whole_register<kYmmPieces>(kYmmBytes);
alignas(64) constexpr auto kYmmJoin = joining<kYmmPieces, kYmmCount>();
alignas(64) constexpr auto kYmmLast = onto_last_piece<kYmmPieces>();

FOLD_AVX2 inline __m256i load_ymm(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

FOLD_AVX2 inline __m256i fold(__m256i a, __m256i constants, __m256i onto) {
  const __m256i low = _mm256_clmulepi64_epi128(a, constants, 0x00);
  const __m256i high = _mm256_clmulepi64_epi128(a, constants, 0x11);
  return _mm256_xor_si256(_mm256_xor_si256(low, onto), high);
}

FOLD_AVX2 inline __m128i last_piece(__m256i a) {
  const __m256i moved = fold(a, load_ymm(&kYmmLast), _mm256_setzero_si256());
  const __m256i both = _mm256_xor_si256(moved, _mm256_permute2x128_si256(moved, a, 0x31));
  return _mm_xor_si128(_mm256_castsi256_si128(both), _mm256_extracti128_si256(a, 1));
}

// --- 512 bits ---

// Eight accumulators: a fold takes about ten cycles and two products, of which one starts per
// cycle.
constexpr size_t kZmmPieces = 4;
constexpr size_t kZmmBytes = kZmmPieces * kPieceBytes;
constexpr size_t kZmmCount = 8;
alignas(64) constexpr auto kZmmStep = whole_register<kZmmPieces>(kZmmCount * kZmmBytes);
alignas(64) constexpr auto kZmmNext = whole_register<kZmmPieces>(kZmmBytes);
alignas(64) constexpr auto kZmmJoin = joining<kZmmPieces, kZmmCount>();
alignas(64) constexpr auto kZmmLast = onto_last_piece<kZmmPieces>();

FOLD_AVX512 inline __m512i load_zmm(const void* p) { return _mm512_loadu_si512(p); }

FOLD_AVX512 inline __m512i fold(__m512i a, __m512i constants, __m512i onto) {
  constexpr int kXorOfThree = 0x96;
  const __m512i low = _mm512_clmulepi64_epi128(a, constants, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(a, constants, 0x11);
  return _mm512_ternarylogic_epi64(low, high, onto, kXorOfThree);
}

FOLD_AVX512 inline __m128i last_piece(__m512i a) {
  const __m512i moved = fold(a, load_zmm(&kZmmLast), _mm512_setzero_si512());
  const __m256i half =
      _mm256_xor_si256(_mm512_castsi512_si256(moved), _mm512_extracti64x4_epi64(moved, 1));
  const __m128i sum =
      _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  return _mm_xor_si128(sum, _mm512_extracti32x4_epi32(a, 3));
}

// --- shifting over zeros ---

// The product of two reflected 32-bit words, read as a reflected 64-bit one, is the product times
// x, and the CRC instruction multiplies by x^32 as it reduces: both are taken off the constants. x
// has the order 2^31 - 1, so that x^-33 is a positive power too.
constexpr auto kClmulShifts = [] {
  constexpr uint32_t kOrder = (uint32_t{1} << 31) - 1;
  uint32_t inverse = kOne;
  uint32_t square = times_x(kOne);
  for (uint32_t e = kOrder - 33; e != 0; e >>= 1, square = multiply(square, square)) {
    if ((e & 1) != 0) inverse = multiply(inverse, square);
  }
  std::array<uint32_t, 64> shifts{};
  for (size_t k = 0; k < shifts.size(); ++k) shifts[k] = multiply(kByteShifts[k], inverse);
  return shifts;
}();

}  // namespace

bool has_clmul() { return __builtin_cpu_supports("pclmul"); }

FOLD_CLMUL uint32_t shift_clmul(uint32_t state, uint64_t bytes) {
  for (; bytes != 0; bytes &= bytes - 1) {
    const auto by = static_cast<int>(kClmulShifts[std::countr_zero(bytes)]);
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(state)),
                                                 _mm_cvtsi32_si128(by), 0x00);
    state =
        static_cast<uint32_t>(_mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product))));
  }
  return state;
}

bool has_fold_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
}

bool has_fold_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("vpclmulqdq");
}

FOLD_AVX2 uint32_t fold_avx2(uint32_t state, ByteView bytes) {
  const std::byte* p = bytes.data();
  const std::byte* const end = p + bytes.size();
  if (bytes.size() < kYmmBytes) return serial(state, bytes);
  // The register's state is added to the first four bytes of the message.
  const __m256i first = _mm256_zextsi128_si256(_mm_cvtsi32_si128(static_cast<int>(state)));
  __m256i sum;
  if (bytes.size() >= kYmmCount * kYmmBytes) {
    __m256i parts[kYmmCount];
    for (size_t i = 0; i < kYmmCount; ++i) parts[i] = load_ymm(p + i * kYmmBytes);
    parts[0] = _mm256_xor_si256(parts[0], first);
    p += sizeof(parts);
    const __m256i step = load_ymm(&kYmmStep);
    for (; static_cast<size_t>(end - p) >= sizeof(parts); p += sizeof(parts)) {
      for (size_t i = 0; i < kYmmCount; ++i) {
        parts[i] = fold(parts[i], step, load_ymm(p + i * kYmmBytes));
      }
    }
    sum = parts[kYmmCount - 1];
    for (size_t i = 0; i + 1 < kYmmCount; ++i) sum = fold(parts[i], load_ymm(&kYmmJoin[i]), sum);
  } else {
    sum = _mm256_xor_si256(load_ymm(p), first);
    p += kYmmBytes;
  }
  const __m256i next = load_ymm(&kYmmNext);
  for (; static_cast<size_t>(end - p) >= kYmmBytes; p += kYmmBytes) {
    sum = fold(sum, next, load_ymm(p));
  }
  return reduce(last_piece(sum), {p, end});
}

FOLD_AVX512 uint32_t fold_avx512(uint32_t state, ByteView bytes) {
  const std::byte* p = bytes.data();
  const std::byte* const end = p + bytes.size();
  if (bytes.size() < kZmmBytes) return serial(state, bytes);
  const __m512i first = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(state)));
  __m512i sum;
  if (bytes.size() >= kZmmCount * kZmmBytes) {
    __m512i parts[kZmmCount];
    for (size_t i = 0; i < kZmmCount; ++i) parts[i] = load_zmm(p + i * kZmmBytes);
    parts[0] = _mm512_xor_si512(parts[0], first);
    p += sizeof(parts);
    const __m512i step = load_zmm(&kZmmStep);
    for (; static_cast<size_t>(end - p) >= sizeof(parts); p += sizeof(parts)) {
      for (size_t i = 0; i < kZmmCount; ++i) {
        parts[i] = fold(parts[i], step, load_zmm(p + i * kZmmBytes));
      }
    }
    sum = parts[kZmmCount - 1];
    for (size_t i = 0; i + 1 < kZmmCount; ++i) sum = fold(parts[i], load_zmm(&kZmmJoin[i]), sum);
  } else {
    sum = _mm512_xor_si512(load_zmm(p), first);
    p += kZmmBytes;
  }
  const __m512i next = load_zmm(&kZmmNext);
  for (; static_cast<size_t>(end - p) >= kZmmBytes; p += kZmmBytes) {
    sum = fold(sum, next, load_zmm(p));
  }
  return reduce(last_piece(sum), {p, end});
}

}  // namespace thalweg::base::crc32c_paths
