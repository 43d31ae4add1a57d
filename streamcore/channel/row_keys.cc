#include "streamcore/channel/row_keys.h"

#include <charconv>

namespace thalweg::channel {

std::string hex16(uint64_t n) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; n >>= 4) text[i] = "0123456789abcdef"[n & 15];
  return text;
}

std::string channel_row_key(ChannelId id) { return "channel/" + hex16(id.value); }
std::string stream_row_key(StreamId id) { return "stream/" + hex16(id.value); }
std::string object_row_key(ObjectId id) { return std::string(kObjectRowPrefix) + hex16(id.value); }

ObjectId object_of_row_key(std::string_view key) {
  uint64_t id = 0;
  key.remove_prefix(kObjectRowPrefix.size());
  std::from_chars(key.data(), key.data() + key.size(), id, 16);
  return ObjectId(id);
}

std::string segment_row_prefix(StreamId stream) { return "segment/" + hex16(stream.value) + "/"; }
std::string segment_row_key(StreamId stream, Offset first) {
  return segment_row_prefix(stream) + hex16(first.value);
}

}  // namespace thalweg::channel
