// Fetch (key 1).
// v4 isolation level, aborted transactions (KIP-98). v5 log start offset. v7 sessions (KIP-227). v9
// leader epoch (KIP-320). v10 zstd. v11 rack and preferred replica (KIP-392). v12 flexible,
// diverging epoch. v13 topic ids (KIP-516). v15 replica state. v16 leader hints (KIP-951). v17
// replica directory (KIP-853). v18 only adds a replica's high watermark and is not served. Topic
// names of the response may borrow from the request's frame; its records are sent from where they
// are.
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

struct FetchRequest {
  static constexpr Api api{.key = 1, .valid = {4, 17}, .flexible = since(12)};

  struct ReplicaState {
    int32_t replica_id = -1;
    int64_t replica_epoch = -1;

    static void fields(auto& m, auto& v) {
      v(m.replica_id);
      v(m.replica_epoch);
    }
    friend bool operator==(const ReplicaState&, const ReplicaState&) = default;
  };

  struct Topic {
    struct Partition {
      int32_t partition = 0;
      int32_t current_leader_epoch = -1;
      int64_t fetch_offset = 0;
      int32_t last_fetched_epoch = -1;
      int64_t log_start_offset = -1;
      int32_t partition_max_bytes = 0;
      Uuid replica_directory_id{};

      static void fields(auto& m, auto& v) {
        v(m.partition);
        v(m.current_leader_epoch, since(9));
        v(m.fetch_offset);
        v(m.last_fetched_epoch, since(12));
        v(m.log_start_offset, since(5));
        v(m.partition_max_bytes);
        v(m.replica_directory_id, tagged(0, since(17)));
      }
    };

    std::string_view topic{};
    Uuid topic_id{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.topic, until(12));
      v(m.topic_id, since(13));
      v(m.partitions);
    }
  };

  struct ForgottenTopic {
    std::string_view topic{};
    Uuid topic_id{};
    std::vector<int32_t> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.topic, until(12));
      v(m.topic_id, since(13));
      v(m.partitions);
    }
  };

  std::optional<std::string_view> cluster_id{};
  int32_t replica_id = -1;
  ReplicaState replica_state{};
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = INT32_MAX;
  int8_t isolation_level = 0;
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  std::vector<Topic> topics{};
  std::vector<ForgottenTopic> forgotten_topics_data{};
  std::string_view rack_id{};

  static void fields(auto& m, auto& v) {
    v(m.cluster_id, tagged(0, since(12)), nullable());
    v(m.replica_id, until(14));
    v(m.replica_state, tagged(1, since(15)));
    v(m.max_wait_ms);
    v(m.min_bytes);
    v(m.max_bytes);
    v(m.isolation_level);
    v(m.session_id, since(7));
    v(m.session_epoch, since(7));
    v(m.topics);
    v(m.forgotten_topics_data, since(7));
    v(m.rack_id, since(11));
  }
};

struct FetchResponse {
  static constexpr Api api = FetchRequest::api;

  struct Topic {
    struct Partition {
      struct EpochEndOffset {
        int32_t epoch = -1;
        int64_t end_offset = -1;

        static void fields(auto& m, auto& v) {
          v(m.epoch);
          v(m.end_offset);
        }
        friend bool operator==(const EpochEndOffset&, const EpochEndOffset&) = default;
      };

      struct LeaderIdAndEpoch {
        int32_t leader_id = -1;
        int32_t leader_epoch = -1;

        static void fields(auto& m, auto& v) {
          v(m.leader_id);
          v(m.leader_epoch);
        }
        friend bool operator==(const LeaderIdAndEpoch&, const LeaderIdAndEpoch&) = default;
      };

      struct SnapshotId {
        int64_t end_offset = -1;
        int32_t epoch = -1;

        static void fields(auto& m, auto& v) {
          v(m.end_offset);
          v(m.epoch);
        }
        friend bool operator==(const SnapshotId&, const SnapshotId&) = default;
      };

      struct AbortedTransaction {
        int64_t producer_id = 0;
        int64_t first_offset = 0;

        static void fields(auto& m, auto& v) {
          v(m.producer_id);
          v(m.first_offset);
        }
      };

      int32_t partition_index = 0;
      KafkaError error_code = KafkaError::kNone;
      int64_t high_watermark = 0;
      int64_t last_stable_offset = -1;
      int64_t log_start_offset = -1;
      EpochEndOffset diverging_epoch{};
      LeaderIdAndEpoch current_leader{};
      SnapshotId snapshot_id{};
      std::optional<std::vector<AbortedTransaction>> aborted_transactions{};
      int32_t preferred_read_replica = -1;
      std::optional<Records> records = Records{};

      static void fields(auto& m, auto& v) {
        v(m.partition_index);
        v(m.error_code);
        v(m.high_watermark);
        v(m.last_stable_offset);
        v(m.log_start_offset, since(5));
        v(m.diverging_epoch, tagged(0, since(12)));
        v(m.current_leader, tagged(1, since(12)));
        v(m.snapshot_id, tagged(2, since(12)));
        v(m.aborted_transactions, nullable());
        v(m.preferred_read_replica, since(11));
        v(m.records, nullable());
      }
    };

    std::string_view topic{};
    Uuid topic_id{};
    std::vector<Partition> partitions{};

    static void fields(auto& m, auto& v) {
      v(m.topic, until(12));
      v(m.topic_id, since(13));
      v(m.partitions);
    }
  };

  struct NodeEndpoint {
    int32_t node_id = 0;
    std::string host{};
    int32_t port = 0;
    std::optional<std::string> rack{};

    static void fields(auto& m, auto& v) {
      v(m.node_id);
      v(m.host);
      v(m.port);
      v(m.rack, nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  int32_t session_id = 0;
  std::vector<Topic> responses{};
  std::vector<NodeEndpoint> node_endpoints{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.error_code, since(7));
    v(m.session_id, since(7));
    v(m.responses);
    v(m.node_endpoints, tagged(0, since(16)));
  }
};

}  // namespace thalweg::wire
