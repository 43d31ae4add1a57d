// Topic configs: one table row per key, after Kafka's LogConfig and TopicConfig (4.3): its type,
// its default, what it may hold, and whether it acts here. Keys that do not act are stored and read
// back exactly, because clients and tools set and compare them; unknown keys are refused.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kafka_protocol/topics/topic_row_format.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/result.h"
#include "streamcore/options.h"

namespace thalweg::topics {

// Values as DescribeConfigs (v3+) reports them.
enum class ConfigType : int8_t {
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kLong = 5,
  kDouble = 6,
  kList = 7,
};

struct TopicConfigKey {
  std::string_view name;
  ConfigType type;
  std::string_view default_value;
  std::string_view broker_key;  // the broker config that gives the default; empty if none
  double min = 0;               // numbers only
  double max = 0;
  std::string_view choices;  // comma-separated; strings and lists only
  bool acts = false;
  std::string_view documentation;
};

// Named alike for the broker and for topics.
inline constexpr std::string_view kStorageClassConfig = "thalweg.storage.class";

std::span<const TopicConfigKey> topic_config_keys();
const TopicConfigKey* find_topic_config(std::string_view name);

// The parsed values of the keys that act.
struct TopicSettings {
  int64_t retention_ms = 604'800'000;  // -1: for ever
  int64_t retention_bytes = -1;        // per partition; -1: no limit
  int32_t max_message_bytes = 1'048'588;
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  bool log_append_time = false;
  int64_t timestamp_before_max_ms = INT64_MAX;
  int64_t timestamp_after_max_ms = 3'600'000;
  // It is created with. Where a topic is that exists, its streams tell.
  StorageClass storage_class = StorageClass::kLocal;
  friend bool operator==(const TopicSettings&, const TopicSettings&) = default;
};

// The broker's defaults for topic configs, by topic config name; what is not here has the table's
// default.
class TopicDefaults {
 public:
  TopicDefaults() = default;
  // kInvalidArgument if a value would be refused for a topic.
  static base::Result<TopicDefaults> make(ConfigEntries entries);

  // The effective default of a key.
  std::string_view value_of(const TopicConfigKey& key) const;
  bool overridden(const TopicConfigKey& key) const;
  const TopicSettings& settings() const { return settings_; }

 private:
  ConfigEntries entries_;
  TopicSettings settings_;
};

// kInvalidArgument, naming key and value, if the key is unknown or cannot hold the value.
base::Status check_topic_config(std::string_view name, std::string_view value);
// Every entry passed check_topic_config.
TopicSettings parse_topic_settings(const TopicDefaults& defaults, const ConfigEntries& configs);

}  // namespace thalweg::topics
