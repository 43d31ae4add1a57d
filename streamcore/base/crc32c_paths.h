// The ways to compute a CRC-32C, each for its kind of machine, and the arithmetic they share.
//
// Internal to crc32c.cc, which chooses among them, and to the tests, which hold every path against
// the bitwise definition. All paths take and return the bare state of the register: neither the
// inversion before the first byte nor the one after the last is theirs. Any length and any
// alignment is right for every path; they differ in speed only.
//
// CRCs are polynomials over GF(2), bit-reflected: the highest bit of a word is x^0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "streamcore/base/bytes.h"

namespace thalweg::base::crc32c_paths {

inline constexpr uint32_t kPolynomial = 0x82F63B78;
inline constexpr uint32_t kOne = 0x80000000;

// a * x modulo the polynomial.
constexpr uint32_t times_x(uint32_t a) { return (a >> 1) ^ ((a & 1) != 0 ? kPolynomial : 0); }

// a * b modulo the polynomial.
constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    if ((a & kOne) != 0) product ^= b;
    b = times_x(b);
  }
  return product;
}

// kByteShifts[k] = x^(8 * 2^k): what shifting a CRC over 2^k zero bytes multiplies it by.
inline constexpr std::array<uint32_t, 64> kByteShifts = [] {
  std::array<uint32_t, 64> shifts{};
  uint32_t power = kOne >> 8;
  for (uint32_t& shift : shifts) {
    shift = power;
    power = multiply(power, power);
  }
  return shifts;
}();

// One register, for what is too short for the others and for what they leave over.
uint32_t serial(uint32_t state, ByteView bytes);
// The instruction of SSE 4.2 in three lanes: every machine the program starts on.
uint32_t lanes(uint32_t state, ByteView bytes);
// The state moved on over `bytes` zero bytes.
uint32_t shift(uint32_t state, uint64_t bytes);
// The same with carry-less products, as folding. May be called only where has_...() says so.
uint32_t fold_avx2(uint32_t state, ByteView bytes);
uint32_t fold_avx512(uint32_t state, ByteView bytes);
uint32_t shift_clmul(uint32_t state, uint64_t bytes);
bool has_clmul();
bool has_fold_avx2();
bool has_fold_avx512();

}  // namespace thalweg::base::crc32c_paths
