// Parts: bytes that lie in several places and are written one after the other, and the CRC-32C of
// them all where the caller knows it. Whoever takes the bytes out of memory holds them against it,
// so that what was damaged on the way is refused instead of believed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "streamcore/base/bytes.h"

namespace thalweg::base {

struct Parts {
  std::vector<ByteView> views;
  std::optional<uint32_t> crc32c;

  Parts() = default;
  Parts(std::initializer_list<ByteView> some) : views(some) {}
  Parts(std::vector<ByteView> some, std::optional<uint32_t> crc = {})
      : views(std::move(some)), crc32c(crc) {}

  uint64_t size() const {
    uint64_t total = 0;
    for (const ByteView view : views) total += view.size();
    return total;
  }
  // False if the bytes, read again here, have another CRC than the one that is known.
  bool sound() const;
};

}  // namespace thalweg::base
