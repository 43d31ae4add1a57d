#include "streamcore/chunk/log_file_format.h"

#include <charconv>
#include <cinttypes>
#include <cstdio>

namespace thalweg::chunk {
namespace {

constexpr size_t kNumberDigits = 16;
constexpr size_t kChannelDigits = 8;
constexpr std::string_view kSuffix = ".log";

// Exactly `digits` lower-case hexadecimal digits at the front of `text`, which is shortened by
// them.
template <class T>
bool take_hex(std::string_view& text, size_t digits, T& value) {
  if (text.size() < digits) return false;
  const std::string_view number = text.substr(0, digits);
  if (number.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  std::from_chars(number.data(), number.data() + digits, value, 16);
  text.remove_prefix(digits);
  return true;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string encode_log_file_name(const LogFileName& name) {
  char text[64];
  std::snprintf(text, sizeof text, "%016" PRIx64 ".%016" PRIx64 ".%016" PRIx64 ".log", name.number,
                name.floor.epoch.value, name.floor.seq.value);
  return text;
}

std::optional<LogFileName> decode_log_file_name(std::string_view text) {
  LogFileName name;
  const bool whole = take_hex(text, kNumberDigits, name.number) && take_dot(text) &&
                     take_hex(text, kNumberDigits, name.floor.epoch.value) && take_dot(text) &&
                     take_hex(text, kNumberDigits, name.floor.seq.value) && text == kSuffix;
  return whole ? std::optional(name) : std::nullopt;
}

std::string encode_channel_name(ChannelId channel) {
  char text[16];
  std::snprintf(text, sizeof text, "%08" PRIx32, channel.value);
  return text;
}

std::optional<ChannelId> decode_channel_name(std::string_view text) {
  ChannelId channel;
  const bool whole = take_hex(text, kChannelDigits, channel.value) && text.empty();
  return whole ? std::optional(channel) : std::nullopt;
}

base::Result<ChunkHeader> decode_live_header(base::ByteView block, const LogIdentity& identity) {
  const ChunkHeader header = TRY(decode_header(block));
  const bool live = header.kind == ChunkKind::kChunk &&
                    header.incarnation == identity.incarnation &&
                    header.channel == identity.channel &&
                    ChunkPosition{header.epoch, header.seq} >= identity.floor;
  if (live) return header;
  return base::fail(base::ErrorCode::kCorrupt, "left by an older use: " + describe(header));
}

}  // namespace thalweg::chunk
