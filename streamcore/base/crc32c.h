// CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the SSE 4.2 instruction, three lanes interleaved.
#pragma once

#include <cstdint>

#include "streamcore/base/bytes.h"

namespace thalweg::base {

// The CRC of `bytes`, or of everything so far when `previous` is the CRC of what came before.
uint32_t crc32c(ByteView bytes, uint32_t previous = 0);

// The CRC of A followed by B, from crc(A), crc(B) and the length of B.
uint32_t crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t length_b);

}  // namespace thalweg::base
