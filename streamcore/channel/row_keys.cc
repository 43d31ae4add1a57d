#include "streamcore/channel/row_keys.h"

#include <charconv>

namespace thalweg::channel {

std::string hex16(uint64_t n) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; n >>= 4) text[i] = "0123456789abcdef"[n & 15];
  return text;
}

namespace {
uint64_t id_of(std::string_view key, std::string_view prefix) {
  uint64_t id = 0;
  key.remove_prefix(prefix.size());
  std::from_chars(key.data(), key.data() + key.size(), id, 16);
  return id;
}
}  // namespace

std::string channel_row_key(ChannelId id) {
  return std::string(kChannelRowPrefix) + hex16(id.value);
}
ChannelId channel_of_row_key(std::string_view key) {
  return ChannelId(static_cast<uint32_t>(id_of(key, kChannelRowPrefix)));
}
std::string lost_replica_row_key(uint64_t incarnation) {
  return std::string(kLostReplicaRowPrefix) + hex16(incarnation);
}
uint64_t lost_replica_of_row_key(std::string_view key) { return id_of(key, kLostReplicaRowPrefix); }
std::string stream_row_key(StreamId id) { return std::string(kStreamRowPrefix) + hex16(id.value); }
std::string object_row_key(ObjectId id) { return std::string(kObjectRowPrefix) + hex16(id.value); }
std::string dying_row_key(ObjectId id) { return std::string(kDyingRowPrefix) + hex16(id.value); }

StreamId stream_of_row_key(std::string_view key) { return StreamId(id_of(key, kStreamRowPrefix)); }
ObjectId object_of_row_key(std::string_view key, std::string_view prefix) {
  return ObjectId(id_of(key, prefix));
}

std::string segment_row_prefix(StreamId stream) {
  return std::string(kSegmentRowPrefix) + hex16(stream.value) + "/";
}
std::string segment_row_key(StreamId stream, Offset first) {
  return segment_row_prefix(stream) + hex16(first.value);
}
std::vector<std::string> owner_row_prefixes() {
  return {std::string(kStreamRowPrefix), std::string(kSegmentRowPrefix),
          std::string(kObjectRowPrefix)};
}

}  // namespace thalweg::channel
