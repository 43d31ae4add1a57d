// The metadata row of an id counter (id_allocator.h).
//
//   u8   version (1)
//   u64  the next number, never 0
//   u32  CRC32C of everything before
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamcore/base/result.h"

namespace thalweg::metadata {

std::string encode_counter_row(uint64_t next);
// kCorrupt; kUnsupported for an intact row of another version.
base::Result<uint64_t> decode_counter_row(std::string_view bytes);

}  // namespace thalweg::metadata
