#include "kafka_protocol/wire/decoder.h"

namespace thalweg::wire {

ByteView Decoder::take(size_t size) {
  if (size > rest_.size()) {
    fail(std::to_string(size) + " bytes wanted, " + std::to_string(rest_.size()) + " left");
    return {};
  }
  const ByteView bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  return bytes;
}

void Decoder::fail(std::string_view why) {
  if (!ok()) return;
  error_ = "at byte " + std::to_string(rest_.data() - begin_) + ": ";
  error_ += why;
  rest_ = {};
}

uint32_t Decoder::read_varint() {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const auto byte = read_number<uint8_t>();
    if (shift == 28 && byte > 0x0f) break;
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail("a varint of more than 32 bits");
  return 0;
}

std::optional<std::string_view> Decoder::read_old_string() {
  const auto length = read_number<int16_t>();
  if (length < -1) fail("negative length");
  if (length < 0) return std::nullopt;
  return base::as_chars(take(static_cast<size_t>(length)));
}

void Decoder::skip_tags() {
  const uint32_t count = read_varint();
  for (uint32_t i = 0; i < count && ok(); ++i) {
    read_varint();
    take(read_varint());
  }
}

}  // namespace thalweg::wire
