// DescribeConfigs (key 32).
// configuration_keys null or empty asks for all. v1 synonyms and source in place of is_default
// (KIP-226). v3 type and documentation (KIP-569). v4 flexible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct DescribeConfigsRequest {
  static constexpr Api api{.key = 32, .valid = {1, 4}, .flexible = since(4)};

  struct Resource {
    int8_t resource_type = 0;
    std::string_view resource_name{};
    std::optional<std::vector<std::string_view>> configuration_keys{};

    static void fields(auto& m, auto& v) {
      v(m.resource_type);
      v(m.resource_name);
      v(m.configuration_keys, nullable());
    }
  };

  std::vector<Resource> resources{};
  bool include_synonyms = false;
  bool include_documentation = false;

  static void fields(auto& m, auto& v) {
    v(m.resources);
    v(m.include_synonyms);
    v(m.include_documentation, since(3));
  }
};

struct DescribeConfigsResponse {
  static constexpr Api api = DescribeConfigsRequest::api;

  struct Resource {
    struct Config {
      struct Synonym {
        std::string name{};
        std::optional<std::string> value{};
        int8_t source = 0;

        static void fields(auto& m, auto& v) {
          v(m.name);
          v(m.value, nullable());
          v(m.source);
        }
      };

      std::string name{};
      std::optional<std::string> value{};
      bool read_only = false;
      int8_t config_source = -1;
      bool is_sensitive = false;
      std::vector<Synonym> synonyms{};
      int8_t config_type = 0;
      std::optional<std::string> documentation{};

      static void fields(auto& m, auto& v) {
        v(m.name);
        v(m.value, nullable());
        v(m.read_only);
        v(m.config_source);
        v(m.is_sensitive);
        v(m.synonyms);
        v(m.config_type, since(3));
        v(m.documentation, since(3), nullable());
      }
    };

    KafkaError error_code = KafkaError::kNone;
    std::optional<std::string> error_message{};
    int8_t resource_type = 0;
    std::string resource_name{};
    std::vector<Config> configs{};

    static void fields(auto& m, auto& v) {
      v(m.error_code);
      v(m.error_message, nullable());
      v(m.resource_type);
      v(m.resource_name);
      v(m.configs);
    }
  };

  int32_t throttle_time_ms = 0;
  std::vector<Resource> results{};

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.results);
  }
};

}  // namespace thalweg::wire
