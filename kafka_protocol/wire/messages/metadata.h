// Metadata (key 3): brokers, topics, partitions and their leaders.
// topics null asks for all from v1 on, and so does an empty array in v0, where null cannot be said.
// v4 allow_auto_topic_creation. v5 offline replicas. v7 leader epoch (KIP-320). v8 authorized
// operations (KIP-430), for the cluster only up to v10. v9 flexible. v10 topic ids (KIP-516), which
// are looked up by from v12 on. v13 top-level error for REBOOTSTRAP_REQUIRED (KIP-1102).
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

struct MetadataRequest {
  static constexpr Api api{.key = 3, .valid = {0, 13}, .flexible = since(9)};

  struct Topic {
    Uuid topic_id{};
    std::optional<std::string_view> name{};

    static void fields(auto& m, auto& v) {
      v(m.topic_id, since(10));
      v(m.name, nullable(since(10)));
    }
  };

  std::optional<std::vector<Topic>> topics{};
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  static void fields(auto& m, auto& v) {
    v(m.topics, nullable(since(1)));
    v(m.allow_auto_topic_creation, since(4));
    v(m.include_cluster_authorized_operations, between(8, 10));
    v(m.include_topic_authorized_operations, since(8));
  }
};

struct MetadataResponse {
  static constexpr Api api = MetadataRequest::api;

  struct Broker {
    int32_t node_id = 0;
    std::string host{};
    int32_t port = 0;
    std::optional<std::string> rack{};

    static void fields(auto& m, auto& v) {
      v(m.node_id);
      v(m.host);
      v(m.port);
      v(m.rack, since(1), nullable());
    }
  };

  struct Topic {
    struct Partition {
      KafkaError error_code = KafkaError::kNone;
      int32_t partition_index = 0;
      int32_t leader_id = 0;
      int32_t leader_epoch = -1;
      std::vector<int32_t> replica_nodes{};
      std::vector<int32_t> isr_nodes{};
      std::vector<int32_t> offline_replicas{};

      static void fields(auto& m, auto& v) {
        v(m.error_code);
        v(m.partition_index);
        v(m.leader_id);
        v(m.leader_epoch, since(7));
        v(m.replica_nodes);
        v(m.isr_nodes);
        v(m.offline_replicas, since(5));
      }
    };

    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> name{};
    Uuid topic_id{};
    bool is_internal = false;
    std::vector<Partition> partitions{};
    int32_t topic_authorized_operations = kNoAuthorizedOperations;

    static void fields(auto& m, auto& v) {
      v(m.error_code);
      v(m.name, nullable(since(12)));
      v(m.topic_id, since(10));
      v(m.is_internal, since(1));
      v(m.partitions);
      v(m.topic_authorized_operations, since(8));
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers{};
  std::optional<std::string> cluster_id{};
  int32_t controller_id = -1;
  std::vector<Topic> topics{};
  int32_t cluster_authorized_operations = kNoAuthorizedOperations;
  KafkaError error_code = KafkaError::kNone;

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(3));
    v(m.brokers);
    v(m.cluster_id, since(2), nullable());
    v(m.controller_id, since(1));
    v(m.topics);
    v(m.cluster_authorized_operations, between(8, 10));
    v(m.error_code, since(13));
  }
};

}  // namespace thalweg::wire
