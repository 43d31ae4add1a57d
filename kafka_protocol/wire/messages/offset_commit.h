// OffsetCommit (key 8).
// v5 drops retention time (KIP-211). v6 leader epoch (KIP-320). v7 static members (KIP-345). v8
// flexible. v9 member epoch of the consumer protocol (KIP-848). v10 topic ids in place of names
// (KIP-848).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct OffsetCommitRequest {
  static constexpr Api api{.key = 8, .valid = {2, 10}, .flexible = since(8)};

  struct Topic {
    struct Partition {
      int32_t partition_index = 0;
      int64_t committed_offset = 0;
      int32_t committed_leader_epoch = -1;
      std::optional<std::string_view> committed_metadata{};

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.committed_offset);
        v(m.committed_leader_epoch, since(6));
        v(m.committed_metadata, nullable());
      }
    };

    std::string_view name{};
    Uuid topic_id{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.name, until(9));
      v(m.topic_id, since(10));
      v(m.partitions);
    }
  };

  std::string_view group_id{};
  int32_t generation_id_or_member_epoch = -1;
  std::string_view member_id{};
  std::optional<std::string_view> group_instance_id{};
  int64_t retention_time_ms = -1;
  std::vector<Topic> topics{};

  static void fields(auto& m, auto& v) {
    v(m.group_id);
    v(m.generation_id_or_member_epoch);
    v(m.member_id);
    v(m.group_instance_id, since(7), nullable());
    v(m.retention_time_ms, until(4));
    v(m.topics);
  }
};

struct OffsetCommitResponse {
  static constexpr Api api = OffsetCommitRequest::api;

  struct Topic {
    struct Partition {
      int32_t partition_index = 0;
      KafkaError error_code = KafkaError::kNone;

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.error_code);
      }
    };

    std::string name{};
    Uuid topic_id{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.name, until(9));
      v(m.topic_id, since(10));
      v(m.partitions);
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(3));
    v(m.topics);
  }
};

}  // namespace thalweg::wire
