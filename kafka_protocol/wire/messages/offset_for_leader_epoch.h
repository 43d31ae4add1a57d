// OffsetForLeaderEpoch (key 23): where a leader epoch ended, for truncation checks (KIP-320).
// v2 current leader epoch. v3 replica id (-2 unless a replica asks). v4 flexible.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct OffsetForLeaderEpochRequest {
  static constexpr Api api{.key = 23, .valid = {2, 4}, .flexible = since(4)};

  struct Topic {
    struct Partition {
      int32_t partition = 0;
      int32_t current_leader_epoch = -1;
      int32_t leader_epoch = 0;

      static void fields(auto& m, auto& v) {
        v(m.partition);
        v(m.current_leader_epoch);
        v(m.leader_epoch);
      }
    };

    std::string_view topic{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.topic);
      v(m.partitions);
    }
  };

  int32_t replica_id = -2;
  std::vector<Topic> topics{};

  static void fields(auto& m, auto& v) {
    v(m.replica_id, since(3));
    v(m.topics);
  }
};

struct OffsetForLeaderEpochResponse {
  static constexpr Api api = OffsetForLeaderEpochRequest::api;

  struct Topic {
    struct Partition {
      KafkaError error_code = KafkaError::kNone;
      int32_t partition = 0;
      int32_t leader_epoch = -1;
      int64_t end_offset = -1;

      static void fields(auto& m, auto& v) {
        v(m.error_code);
        v(m.partition);
        v(m.leader_epoch);
        v(m.end_offset);
      }
    };

    std::string topic{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.topic);
      v(m.partitions);
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.topics);
  }
};

}  // namespace thalweg::wire
