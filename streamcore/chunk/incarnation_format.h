// The marker of a store's incarnation (P8): which life of the data directory this is.
//
//   log/incarnation, 24 bytes
//
//   0    u32  magic "TWIN"
//   4    u32  version, 1
//   8    u64  incarnation, random, never 0
//   16   u32  zero
//   20   u32  CRC32C of bytes 0..19
//
// Little endian. Created once, put-if-absent and durable before anything else is; a directory with
// a log and without the marker is refused.
#pragma once

#include <cstdint>
#include <string>

#include "streamcore/base/bytes.h"
#include "streamcore/base/result.h"

namespace thalweg::chunk {

inline constexpr size_t kIncarnationBytes = 24;

std::string encode_incarnation(uint64_t incarnation);
base::Result<uint64_t> decode_incarnation(base::ByteView bytes);  // kCorrupt, kUnsupported

}  // namespace thalweg::chunk
