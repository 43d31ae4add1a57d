// OffsetFetch (key 9).
// v2 topics null asks for all; top-level error. v5 leader epoch (KIP-320). v6 flexible. v7
// require_stable (KIP-447). v8 many groups at once (KIP-709): `groups` replaces the single one. v9
// member id and epoch (KIP-848). v10 topic ids in place of names.
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

struct OffsetFetchRequest {
  static constexpr Api api{.key = 9, .valid = {1, 10}, .flexible = since(6)};

  struct Topic {
    std::string_view name{};
    std::vector<int32_t> partition_indexes{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.partition_indexes);
    }
  };

  struct Group {
    struct GroupTopic {
      std::string_view name{};
      Uuid topic_id{};
      std::vector<int32_t> partition_indexes{};

      static void fields(auto& m, auto& v) {
        v(m.name, until(9));
        v(m.topic_id, since(10));
        v(m.partition_indexes);
      }
    };

    std::string_view group_id{};
    std::optional<std::string_view> member_id{};
    int32_t member_epoch = -1;
    std::optional<std::vector<GroupTopic>> topics{};

    static void fields(auto& m, auto& v) {
      v(m.group_id);
      v(m.member_id, since(9), nullable());
      v(m.member_epoch, since(9));
      v(m.topics, nullable());
    }
  };

  std::string_view group_id{};
  std::optional<std::vector<Topic>> topics{};
  std::vector<Group> groups{};
  bool require_stable = false;

  static void fields(auto& m, auto& v) {
    v(m.group_id, until(7));
    v(m.topics, until(7), nullable(since(2)));
    v(m.groups, since(8));
    v(m.require_stable, since(7));
  }
};

struct OffsetFetchResponse {
  static constexpr Api api = OffsetFetchRequest::api;

  struct Topic {
    struct Partition {
      int32_t partition_index = 0;
      int64_t committed_offset = 0;
      int32_t committed_leader_epoch = -1;
      std::optional<std::string> metadata{};
      KafkaError error_code = KafkaError::kNone;

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.committed_offset);
        v(m.committed_leader_epoch, since(5));
        v(m.metadata, nullable());
        v(m.error_code);
      }
    };

    std::string name{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.partitions);
    }
  };

  struct Group {
    struct GroupTopic {
      struct GroupPartition {
        int32_t partition_index = 0;
        int64_t committed_offset = 0;
        int32_t committed_leader_epoch = -1;
        std::optional<std::string> metadata{};
        KafkaError error_code = KafkaError::kNone;

        static void fields(auto& m, auto& v) {
          v(m.partition_index);
          v(m.committed_offset);
          v(m.committed_leader_epoch);
          v(m.metadata, nullable());
          v(m.error_code);
        }
      };

      std::string name{};
      Uuid topic_id{};
      std::vector<GroupPartition> partitions{};

      static void fields(auto& m, auto& v) {
        v(m.name, until(9));
        v(m.topic_id, since(10));
        v(m.partitions);
      }
    };

    std::string group_id{};
    std::vector<GroupTopic> topics{};
    KafkaError error_code = KafkaError::kNone;

    static void fields(auto& m, auto& v) {
      v(m.group_id);
      v(m.topics);
      v(m.error_code);
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics{};
  KafkaError error_code = KafkaError::kNone;
  std::vector<Group> groups{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(3));
    v(m.topics, until(7));
    v(m.error_code, between(2, 7));
    v(m.groups, since(8));
  }
};

}  // namespace thalweg::wire
