// ApiVersions (key 18): what a client asks first, to learn which versions it may use.
// v3 flexible, client software name and version (KIP-511), features (KIP-584). v4 lets a supported
// feature start at version 0 (KAFKA-17011; v3 leaves such features out). v5 names the cluster and
// node the client means (KIP-1242). A version the broker does not know is answered with a v0 body;
// the response header is v0 always.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct ApiVersionsRequest {
  static constexpr Api api{.key = 18, .valid = {0, 5}, .flexible = since(3)};

  std::string_view client_software_name{};
  std::string_view client_software_version{};
  std::optional<std::string_view> cluster_id{};
  int32_t node_id = -1;

  static void fields(auto& m, auto& v) {
    v(m.client_software_name, since(3));
    v(m.client_software_version, since(3));
    v(m.cluster_id, since(5), nullable());
    v(m.node_id, since(5));
  }
};

struct ApiVersionsResponse {
  static constexpr Api api = ApiVersionsRequest::api;

  struct ApiVersion {
    int16_t api_key = 0;
    int16_t min_version = 0;
    int16_t max_version = 0;

    static void fields(auto& m, auto& v) {
      v(m.api_key);
      v(m.min_version);
      v(m.max_version);
    }
  };

  struct SupportedFeature {
    std::string name{};
    int16_t min_version = 0;
    int16_t max_version = 0;

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.min_version);
      v(m.max_version);
    }
  };

  struct FinalizedFeature {
    std::string name{};
    int16_t max_version_level = 0;
    int16_t min_version_level = 0;

    static void fields(auto& m, auto& v) {
      v(m.name);
      v(m.max_version_level);
      v(m.min_version_level);
    }
  };

  KafkaError error_code = KafkaError::kNone;
  std::vector<ApiVersion> api_keys{};
  int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features{};
  int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features{};
  bool zk_migration_ready = false;

  static void fields(auto& m, auto& v) {
    v(m.error_code);
    v(m.api_keys);
    v(m.throttle_time_ms, since(1));
    v(m.supported_features, tagged(0, since(3)));
    v(m.finalized_features_epoch, tagged(1, since(3)));
    v(m.finalized_features, tagged(2, since(3)));
    v(m.zk_migration_ready, tagged(3, since(3)));
  }
};

}  // namespace thalweg::wire
