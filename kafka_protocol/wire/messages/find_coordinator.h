// FindCoordinator (key 10): which broker coordinates a group (key_type 0), a transactional id (1)
// or a share group (2). v1 key type. v3 flexible. v4 many keys at once (KIP-699):
// `coordinator_keys` and `coordinators` replace the single ones. v5 may answer
// TRANSACTION_ABORTABLE (KIP-890). v6 share groups (KIP-932).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct FindCoordinatorRequest {
  static constexpr Api api{.key = 10, .valid = {0, 6}, .flexible = since(3)};

  std::string_view key{};
  int8_t key_type = 0;
  std::vector<std::string_view> coordinator_keys{};

  static void fields(auto& m, auto& v) {
    v(m.key, until(3));
    v(m.key_type, since(1));
    v(m.coordinator_keys, since(4));
  }
};

struct FindCoordinatorResponse {
  static constexpr Api api = FindCoordinatorRequest::api;

  struct Coordinator {
    std::string key{};
    int32_t node_id = 0;
    std::string host{};
    int32_t port = 0;
    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};

    static void fields(auto& m, auto& v) {
      v(m.key);
      v(m.node_id);
      v(m.host);
      v(m.port);
      v(m.error_code);
      v(m.error_message, nullable());
    }
  };

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  std::optional<std::string> error_message{};
  int32_t node_id = 0;
  std::string host{};
  int32_t port = 0;
  std::vector<Coordinator> coordinators{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms, since(1));
    v(m.error_code, until(3));
    v(m.error_message, between(1, 3), nullable());
    v(m.node_id, until(3));
    v(m.host, until(3));
    v(m.port, until(3));
    v(m.coordinators, since(4));
  }
};

}  // namespace thalweg::wire
