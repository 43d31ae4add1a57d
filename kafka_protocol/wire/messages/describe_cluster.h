// DescribeCluster (key 60, KIP-700).
// v1 endpoint type: 1 brokers, 2 controllers (KIP-919). v2 fenced brokers (KIP-1073).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/primitives.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct DescribeClusterRequest {
  static constexpr Api api{.key = 60, .valid = {0, 2}, .flexible = since(0)};

  bool include_cluster_authorized_operations = false;
  int8_t endpoint_type = 1;
  bool include_fenced_brokers = false;

  static void fields(auto& m, auto& v) {
    v(m.include_cluster_authorized_operations);
    v(m.endpoint_type, since(1));
    v(m.include_fenced_brokers, since(2));
  }
};

struct DescribeClusterResponse {
  static constexpr Api api = DescribeClusterRequest::api;

  struct Broker {
    int32_t broker_id = 0;
    std::string host{};
    int32_t port = 0;
    std::optional<std::string> rack{};
    bool is_fenced = false;

    static void fields(auto& m, auto& v) {
      v(m.broker_id);
      v(m.host);
      v(m.port);
      v(m.rack, nullable());
      v(m.is_fenced, since(2));
    }
  };

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  std::optional<std::string> error_message{};
  int8_t endpoint_type = 1;
  std::string cluster_id{};
  int32_t controller_id = -1;
  std::vector<Broker> brokers{};
  int32_t cluster_authorized_operations = kNoAuthorizedOperations;

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.error_code);
    v(m.error_message, nullable());
    v(m.endpoint_type, since(1));
    v(m.cluster_id);
    v(m.controller_id);
    v(m.brokers);
    v(m.cluster_authorized_operations);
  }
};

}  // namespace thalweg::wire
