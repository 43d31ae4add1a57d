// The table of configuration keys: one row per key. Kafka's name where the concept is Kafka's,
// `thalweg.` otherwise.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace thalweg::server {

enum class KeyType : uint8_t { kBool, kInt, kString, kList };

struct ConfigKey {
  std::string_view name;
  KeyType type;
  std::string_view default_value;
  int64_t min = 0;                // kInt only
  int64_t max = 0;                // kInt only
  std::string_view choices = {};  // comma-separated; kString and kList only; empty = any text
  std::string_view doc = {};
};

// In alphabetical order.
std::span<const ConfigKey> config_keys();
const ConfigKey* find_config_key(std::string_view name);

}  // namespace thalweg::server
