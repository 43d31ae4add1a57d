// The entry point every program of this folder defines; libFuzzer calls it, and so does
// random_inputs.cc. A decoder given any bytes answers or refuses: what it must not do is crash,
// hang, or read outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "streamcore/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace thalweg::fuzz {

inline base::ByteView view(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

inline std::string_view text(base::ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes `count` bytes off the front as a number; fewer when there are fewer.
inline uint64_t take(base::ByteView& bytes, size_t count) {
  uint64_t value = 0;
  for (; count > 0 && !bytes.empty(); --count) {
    value = value << 8 | static_cast<uint8_t>(bytes.front());
    bytes = bytes.subspan(1);
  }
  return value;
}

}  // namespace thalweg::fuzz
