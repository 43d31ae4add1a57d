#include "streamcore/chunk/chunk_object_format.h"

#include <cinttypes>
#include <cstdio>

namespace thalweg::chunk {

namespace {

// Takes `digits` of a number off the front; false if they are not all there.
bool take_number(std::string_view& text, size_t digits, uint64_t& number) {
  if (text.size() < digits) return false;
  number = 0;
  for (const char c : text.substr(0, digits)) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && (c < 'a' || c > 'f')) return false;
    number = number << 4 | static_cast<uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  text.remove_prefix(digits);
  return true;
}

bool take_slash(std::string_view& text) {
  if (!text.starts_with('/')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string chunk_object_prefix(uint64_t incarnation, ChannelId channel) {
  char text[64];
  std::snprintf(text, sizeof text, "c/%016" PRIx64 "/%08" PRIx32 "/", incarnation, channel.value);
  return text;
}

std::string chunk_object_prefix(uint64_t incarnation, ChannelId channel, ChannelEpoch epoch) {
  char text[32];
  std::snprintf(text, sizeof text, "%016" PRIx64 "/", epoch.value);
  return chunk_object_prefix(incarnation, channel) + text;
}

std::string encode_chunk_object_key(uint64_t incarnation, const ChunkKey& key) {
  char text[32];
  std::snprintf(text, sizeof text, "%016" PRIx64 "%s", key.seq.value, key.adopted ? ".a" : "");
  return chunk_object_prefix(incarnation, key.channel, key.epoch) + text;
}

std::string chunk_object_bound(uint64_t incarnation, ChannelId channel, ChannelEpoch epoch,
                               ChunkSeq seq) {
  if (seq == ChunkSeq(0)) return chunk_object_prefix(incarnation, channel, epoch);
  return encode_chunk_object_key(incarnation, {channel, epoch, seq - 1}) + ".z";
}

std::string chunk_object_end(uint64_t incarnation) {
  char text[32];
  std::snprintf(text, sizeof text, "c/%016" PRIx64 "0", incarnation);  // '0' follows '/'
  return text;
}

std::optional<ChunkObjectName> decode_chunk_object_key(std::string_view text) {
  if (!text.starts_with(kChunkObjectPrefix)) return std::nullopt;
  text.remove_prefix(kChunkObjectPrefix.size());
  ChunkObjectName name;
  uint64_t channel = 0;
  uint64_t epoch = 0;
  uint64_t seq = 0;
  const bool whole = take_number(text, 16, name.incarnation) && take_slash(text) &&
                     take_number(text, 8, channel) && take_slash(text) &&
                     take_number(text, 16, epoch) && take_slash(text) && take_number(text, 16, seq);
  if (!whole || (!text.empty() && text != ".a")) return std::nullopt;
  name.key = {ChannelId(static_cast<uint32_t>(channel)), ChannelEpoch(epoch), ChunkSeq(seq),
              !text.empty()};
  return name;
}

}  // namespace thalweg::chunk
