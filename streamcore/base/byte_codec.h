// ByteWriter and ByteReader: little-endian integers and length-prefixed bytes, for small persisted
// rows. A row is sealed with a CRC32C over everything before it (seal / open_sealed), so that any
// damage is found.
#pragma once

#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

#include "streamcore/base/bytes.h"
#include "streamcore/base/crc32c.h"
#include "streamcore/base/result.h"

namespace thalweg::base {

class ByteWriter {
 public:
  template <std::integral T>
  ByteWriter& put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out_.append(raw, sizeof(T));
    return *this;
  }
  ByteWriter& put_bytes(std::string_view bytes) {
    put(static_cast<uint32_t>(bytes.size()));
    out_.append(bytes);
    return *this;
  }
  size_t size() const { return out_.size(); }
  // The bytes so far, without a seal: a part of something larger.
  std::string take() && { return std::move(out_); }
  // The bytes so far, followed by their CRC32C.
  std::string seal() && {
    put(crc32c(as_bytes(out_)));
    return std::move(out_);
  }

 private:
  std::string out_;
};

// Reads what ByteWriter wrote. After the first short read everything reads as zero and ok() is
// false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <std::integral T>
  T get() {
    T value{};
    if (rest_.size() < sizeof(T)) {
      ok_ = false;
      rest_ = {};
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view get_bytes() {
    const auto length = get<uint32_t>();
    if (rest_.size() < length) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }
  // A count of items of at least `item_bytes` each, checked against what is left.
  uint32_t get_count(size_t item_bytes) {
    const auto count = get<uint32_t>();
    if (count > rest_.size() / item_bytes) {
      ok_ = false;
      rest_ = {};
      return 0;
    }
    return count;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The bytes under a seal; kCorrupt, naming `what`, if the CRC does not match.
inline Result<std::string_view> open_sealed(std::string_view sealed, std::string_view what) {
  if (sealed.size() < sizeof(uint32_t)) {
    return fail(ErrorCode::kCorrupt, std::string(what) + ": expected a CRC, got " +
                                         std::to_string(sealed.size()) + " bytes");
  }
  const std::string_view body = sealed.substr(0, sealed.size() - sizeof(uint32_t));
  uint32_t expected = 0;
  std::memcpy(&expected, sealed.data() + body.size(), sizeof(expected));
  const uint32_t got = crc32c(as_bytes(body));
  if (got == expected) return body;
  return fail(ErrorCode::kCorrupt, std::string(what) + ": CRC does not match, expected " +
                                       std::to_string(expected) + ", got " + std::to_string(got));
}

}  // namespace thalweg::base
