// ListOffsets (key 2): the offset for a timestamp.
// Special timestamps: -1 latest, -2 earliest, -3 max timestamp (v7, KIP-734), -4 earliest local
// (v8, KIP-405), -5 latest tiered (v9, KIP-1005), -6 earliest pending upload (v11, KIP-1023). v2
// isolation level. v4 leader epoch. v6 flexible. v10 timeout.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct ListOffsetsRequest {
  static constexpr Api api{.key = 2, .valid = {1, 11}, .flexible = since(6)};

  struct Topic {
    struct Partition {
      int32_t partition_index = 0;
      int32_t current_leader_epoch = -1;
      int64_t timestamp = 0;

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.current_leader_epoch, since(4));
        v(m.timestamp);
      }
    };

    std::string_view name{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.partitions);
    }
  };

  int32_t replica_id = 0;
  int8_t isolation_level = 0;
  std::vector<Topic> topics{};
  int32_t timeout_ms = 0;

  static void fields(auto& m, auto& v) {
    v(m.replica_id);
    v(m.isolation_level, since(2));
    v(m.topics);
    v(m.timeout_ms, since(10));
  }
};

struct ListOffsetsResponse {
  static constexpr Api api = ListOffsetsRequest::api;

  struct Topic {
    struct Partition {
      int32_t partition_index = 0;
      KafkaError error_code = KafkaError::kNone;
      int64_t timestamp = -1;
      int64_t offset = -1;
      int32_t leader_epoch = -1;

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.error_code);
        v(m.timestamp);
        v(m.offset);
        v(m.leader_epoch, since(4));
      }
    };

    std::string name{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.partitions);
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(2));
    v(m.topics);
  }
};

}  // namespace thalweg::wire
