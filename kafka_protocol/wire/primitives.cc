#include "kafka_protocol/wire/primitives.h"

namespace thalweg::wire {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kUuidChars = 22;

// Six bits of the 128, from the left; the last group has two of its own and four zeros.
uint64_t six_bits(const Uuid& id, size_t group) {
  const auto wide = (static_cast<unsigned __int128>(id.high) << 64) | id.low;
  const int shift = 122 - 6 * static_cast<int>(group);
  return static_cast<uint64_t>(shift >= 0 ? wide >> shift : wide << -shift) & 63;
}

}  // namespace

std::string to_string(const Uuid& id) {
  std::string text(kUuidChars, '\0');
  for (size_t i = 0; i < kUuidChars; ++i) text[i] = kAlphabet[six_bits(id, i)];
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != kUuidChars) return std::nullopt;
  unsigned __int128 wide = 0;
  for (size_t i = 0; i < kUuidChars; ++i) {
    const size_t value = kAlphabet.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    if (i + 1 < kUuidChars) {
      wide = (wide << 6) | value;
    } else {
      if ((value & 15) != 0) return std::nullopt;
      wide = (wide << 2) | (value >> 4);
    }
  }
  return Uuid{static_cast<uint64_t>(wide >> 64), static_cast<uint64_t>(wide)};
}

}  // namespace thalweg::wire
