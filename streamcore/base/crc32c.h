// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the fastest way the machine has: folding with
// AVX-512 or AVX2 carry-less products, or else the SSE 4.2 instruction. Chosen at each call, from
// what the processor said when the program started; all ways agree (crc32c_paths.h).
#pragma once

#include <cstdint>

#include "streamcore/base/bytes.h"

namespace thalweg::base {

// The CRC of `bytes`, or of everything so far when `previous` is the CRC of what came before.
uint32_t crc32c(ByteView bytes, uint32_t previous = 0);

// The CRC of A followed by B, from crc(A), crc(B) and the length of B.
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

}  // namespace thalweg::base
