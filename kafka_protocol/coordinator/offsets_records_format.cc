#include "kafka_protocol/coordinator/offsets_records_format.h"

#include "kafka_protocol/wire/instantiate.h"

namespace thalweg::coordinator {

using base::ErrorCode;
using base::Result;

namespace {

constexpr size_t kPrefixBytes = sizeof(int16_t);
constexpr int16_t kLegacyOffsetKeyType = 0;
constexpr int16_t kOffsetKeyType = OffsetCommitKey::api.key;
constexpr int16_t kGroupKeyType = GroupMetadataKey::api.key;
constexpr int16_t kValueVersion = 3;
constexpr int16_t kOffsetValueVersionWithTopicId = 4;
constexpr int16_t kOffsetValueVersionWithExpiry = 1;  // as Kafka: the only one that has the field

// The i16 in front of every key and value.
Result<int16_t> prefix_of(ByteView bytes) {
  if (bytes.size() < kPrefixBytes) {
    return base::fail(ErrorCode::kCorrupt, "offsets record: " + std::to_string(bytes.size()) +
                                               " bytes, not even a version");
  }
  return static_cast<int16_t>(static_cast<uint16_t>(bytes[0]) << 8 |
                              static_cast<uint16_t>(bytes[1]));
}

template <class T>
Result<T> decode_after_prefix(ByteView bytes, int16_t version) {
  return wire::decode<T>(bytes.subspan(kPrefixBytes), version);
}

template <class T>
Bytes encode_after_prefix(const T& message, int16_t prefix, int16_t version) {
  wire::Encoder counter(version, T::api.flexible.contains(version));
  counter.write_struct(message);
  Bytes out(kPrefixBytes + counter.own_bytes());
  out[0] = static_cast<std::byte>(prefix >> 8);
  out[1] = static_cast<std::byte>(prefix & 0xff);
  wire::Encoder filler(version, T::api.flexible.contains(version), out.data() + kPrefixBytes,
                       nullptr);
  filler.write_struct(message);
  return out;
}

}  // namespace

Result<OffsetsKey> decode_key(ByteView bytes) {
  const int16_t type = TRY(prefix_of(bytes));
  switch (type) {
    case kLegacyOffsetKeyType:
    case kOffsetKeyType: return TRY(decode_after_prefix<OffsetCommitKey>(bytes, type));
    case kGroupKeyType: return TRY(decode_after_prefix<GroupMetadataKey>(bytes, type));
    default: return UnknownKey{type};
  }
}

Result<OffsetCommitValue> decode_offset_commit_value(ByteView bytes) {
  return decode_after_prefix<OffsetCommitValue>(bytes, TRY(prefix_of(bytes)));
}

Result<GroupMetadataValue> decode_group_metadata_value(ByteView bytes) {
  return decode_after_prefix<GroupMetadataValue>(bytes, TRY(prefix_of(bytes)));
}

Bytes encode_key(const OffsetCommitKey& key) {
  return encode_after_prefix(key, kOffsetKeyType, kOffsetKeyType);
}

Bytes encode_key(const GroupMetadataKey& key) {
  return encode_after_prefix(key, kGroupKeyType, kGroupKeyType);
}

Bytes encode_value(const OffsetCommitValue& value) {
  int16_t version = value.topic_id.is_zero() ? kValueVersion : kOffsetValueVersionWithTopicId;
  if (value.expire_timestamp >= 0) version = kOffsetValueVersionWithExpiry;
  return encode_after_prefix(value, version, version);
}

Bytes encode_value(const GroupMetadataValue& value) {
  return encode_after_prefix(value, kValueVersion, kValueVersion);
}

}  // namespace thalweg::coordinator
