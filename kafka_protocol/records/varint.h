// Zigzag varints as records use them: at most 5 bytes for 32 bits, 10 for 64. Reading never goes
// past its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "streamcore/base/bytes.h"

namespace thalweg::records {

// Reads one varint at the front of `in` and moves past it. False if it is cut off or too long for
// 64 bits.
inline bool read_varlong(base::ByteView& in, int64_t& out) {
  uint64_t raw = 0;
  for (size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto byte = static_cast<uint64_t>(in[i]);
    if (i == 9 && byte > 1) return false;
    raw |= (byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      out = static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
      in = in.subspan(i + 1);
      return true;
    }
  }
  return false;
}

// The same for a 32-bit value; false also if it does not fit.
inline bool read_varint(base::ByteView& in, int32_t& out) {
  int64_t wide;
  if (!read_varlong(in, wide) || wide != static_cast<int32_t>(wide)) return false;
  out = static_cast<int32_t>(wide);
  return true;
}

inline void append_varlong(std::vector<std::byte>& out, int64_t value) {
  uint64_t raw = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (raw >= 0x80) {
    out.push_back(static_cast<std::byte>(raw | 0x80));
    raw >>= 7;
  }
  out.push_back(static_cast<std::byte>(raw));
}

inline size_t varlong_bytes(int64_t value) {
  uint64_t raw = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  size_t n = 1;
  while (raw >= 0x80) {
    raw >>= 7;
    ++n;
  }
  return n;
}

}  // namespace thalweg::records
