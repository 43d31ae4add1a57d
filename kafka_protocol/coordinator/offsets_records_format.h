// The records of `__consumer_offsets`, in Kafka's own formats (OffsetCommitKey/Value,
// GroupMetadataKey/Value of the group-coordinator JSON definitions), so that its tools read our
// stream and a copied one reads here.
//
// A key is an i16 type and its fields; a value is an i16 version and its fields; all big endian.
// Types 0 and 1 are the same offset key, 2 is a group. Other types (consumer, share and streams
// groups) are skipped. A key without a value deletes. The CRC is that of the RecordBatch around the
// records.
//
//   type 0,1  group string | topic string | partition i32
//     value   offset i64 | leader epoch i32 (3+) | metadata string | commit time i64
//             | expire time i64 (1 only) | tag 0: topic id uuid (4+)
//   type 2    group string
//     value   protocol type string | generation i32 | protocol nullable string
//             | leader nullable string | state time i64 (2+)
//             | members: member id string | instance id nullable string (3+) | client id string
//             | client host string | rebalance timeout i32 (1+) | session timeout i32
//             | subscription bytes | assignment bytes
//
// Values of version 4 are flexible (compact lengths, tags). Versions 0-4 are read; 3 is written, 4
// for an offset with a topic id, 1 for an offset with an expire time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"
#include "streamcore/base/result.h"

namespace thalweg::coordinator {

using base::ByteView;
using wire::Bytes;

struct OffsetCommitKey {
  static constexpr wire::Api api{.key = 1, .valid = {0, 1}};

  std::string group;
  std::string topic;
  int32_t partition = 0;

  static void fields(auto& m, auto& v) {
    v(m.group);
    v(m.topic);
    v(m.partition);
  }
  friend bool operator==(const OffsetCommitKey&, const OffsetCommitKey&) = default;
};

struct OffsetCommitValue {
  static constexpr wire::Api api{.key = 1, .valid = {0, 4}, .flexible = wire::since(4)};

  int64_t offset = 0;
  int32_t leader_epoch = -1;
  std::string metadata;
  int64_t commit_timestamp = 0;
  int64_t expire_timestamp = -1;
  wire::Uuid topic_id;

  static void fields(auto& m, auto& v) {
    v(m.offset);
    v(m.leader_epoch, wire::since(3));
    v(m.metadata);
    v(m.commit_timestamp);
    v(m.expire_timestamp, wire::between(1, 1));
    v(m.topic_id, wire::tagged(0, wire::since(4)));
  }
  friend bool operator==(const OffsetCommitValue&, const OffsetCommitValue&) = default;
};

struct GroupMetadataKey {
  static constexpr wire::Api api{.key = 2, .valid = {2, 2}};

  std::string group;

  static void fields(auto& m, auto& v) { v(m.group); }
  friend bool operator==(const GroupMetadataKey&, const GroupMetadataKey&) = default;
};

struct GroupMetadataValue {
  static constexpr wire::Api api{.key = 2, .valid = {0, 4}, .flexible = wire::since(4)};

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    int32_t rebalance_timeout = -1;
    int32_t session_timeout = 0;
    Bytes subscription;
    Bytes assignment;

    static void fields(auto& m, auto& v) {
      v(m.member_id);
      v(m.group_instance_id, wire::since(3), wire::nullable());
      v(m.client_id);
      v(m.client_host);
      v(m.rebalance_timeout, wire::since(1));
      v(m.session_timeout);
      v(m.subscription);
      v(m.assignment);
    }
    friend bool operator==(const Member&, const Member&) = default;
  };

  std::string protocol_type;
  int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  int64_t current_state_timestamp = -1;
  std::vector<Member> members;

  static void fields(auto& m, auto& v) {
    v(m.protocol_type);
    v(m.generation);
    v(m.protocol, wire::nullable());
    v(m.leader, wire::nullable());
    v(m.current_state_timestamp, wire::since(2));
    v(m.members);
  }
  friend bool operator==(const GroupMetadataValue&, const GroupMetadataValue&) = default;
};

// A key of a type this coordinator does not keep.
struct UnknownKey {
  int16_t type;
  friend bool operator==(const UnknownKey&, const UnknownKey&) = default;
};
using OffsetsKey = std::variant<UnknownKey, OffsetCommitKey, GroupMetadataKey>;

// kCorrupt if the bytes are not such a key or value, kUnsupported for a value of a later version.
base::Result<OffsetsKey> decode_key(ByteView bytes);
base::Result<OffsetCommitValue> decode_offset_commit_value(ByteView bytes);
base::Result<GroupMetadataValue> decode_group_metadata_value(ByteView bytes);

Bytes encode_key(const OffsetCommitKey& key);
Bytes encode_key(const GroupMetadataKey& key);
Bytes encode_value(const OffsetCommitValue& value);
Bytes encode_value(const GroupMetadataValue& value);

}  // namespace thalweg::coordinator
