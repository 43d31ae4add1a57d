// The ways to compute a CRC-32C, each for its kind of machine, and the arithmetic they share.
//
// Internal to crc32c.cc, which chooses among them, and to the tests, which hold every path against
// the bitwise definition. All paths take and return the bare state of the register: neither the
// inversion before the first byte nor the one after the last is theirs. Any length and any
// alignment is right for every path; they differ in speed only.
//
// CRCs are polynomials over GF(2), bit-reflected: the highest bit of a word is x^0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "streamcore/base/bytes.h"

namespace thalweg::base::crc32c_paths {

inline constexpr uint32_t kPolynomial = 0x82F63B78;
inline constexpr uint32_t kOne = 0x80000000;

// a * x modulo the polynomial.
constexpr uint32_t times_x(uint32_t a) { return (a >> 1) ^ ((a & 1) != 0 ? kPolynomial : 0); }

// One register, for what is too short for the others and for what they leave over.
uint32_t serial(uint32_t state, ByteView bytes);
// The instruction of SSE 4.2 in three lanes: every machine the program starts on.
uint32_t lanes(uint32_t state, ByteView bytes);
// Folding with carry-less products. May be called only where has_fold_...() says so.
uint32_t fold_avx2(uint32_t state, ByteView bytes);
uint32_t fold_avx512(uint32_t state, ByteView bytes);
bool has_fold_avx2();
bool has_fold_avx512();

}  // namespace thalweg::base::crc32c_paths
