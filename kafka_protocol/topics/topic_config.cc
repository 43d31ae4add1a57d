#include "kafka_protocol/topics/topic_config.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace thalweg::topics {

namespace {

using enum ConfigType;

constexpr double kIntMax = 2147483647;
constexpr double kLongMax = 9223372036854775807.0;
constexpr std::string_view kCleanupPolicies = "compact,delete";
constexpr std::string_view kTimestampTypes = "CreateTime,LogAppendTime";
constexpr std::string_view kStorageClasses = "local,standard,express";
constexpr std::string_view kCompressions = "uncompressed,zstd,lz4,snappy,gzip,producer";

constexpr auto kKeys = std::to_array<TopicConfigKey>({
    {"cleanup.policy", kList, "delete", "log.cleanup.policy", 0, 0, kCleanupPolicies, true,
     "What happens to old records: delete by retention, or compact by key."},
    {"compression.gzip.level", kInt, "-1", "", -1, 9, "", false, "Gzip level for recompression."},
    {"compression.lz4.level", kInt, "9", "", 1, 17, "", false, "LZ4 level for recompression."},
    {"compression.type", kString, "producer", "", 0, 0, kCompressions, false,
     "Batches are stored as the producer compressed them."},
    {"compression.zstd.level", kInt, "3", "", -131072, 22, "", false,
     "Zstandard level for recompression."},
    {"delete.retention.ms", kLong, "86400000", "", 0, kLongMax, "", false,
     "How long tombstones are kept in a compacted topic."},
    {"file.delete.delay.ms", kLong, "60000", "", 0, kLongMax, "", false,
     "Kafka's delay before a file is removed; no files per partition here."},
    {"flush.messages", kLong, "9223372036854775807", "", 1, kLongMax, "", false,
     "Every acknowledged record is durable, whatever this says."},
    {"flush.ms", kLong, "9223372036854775807", "", 0, kLongMax, "", false,
     "Every acknowledged record is durable, whatever this says."},
    {"follower.replication.throttled.replicas", kList, "", "", 0, 0, "", false,
     "No follower replication here."},
    {"index.interval.bytes", kInt, "4096", "", 0, kIntMax, "", false, "Kafka's sparse index step."},
    {"leader.replication.throttled.replicas", kList, "", "", 0, 0, "", false,
     "No follower replication here."},
    {"local.retention.bytes", kLong, "-2", "", -2, kLongMax, "", false, "No local tier here."},
    {"local.retention.ms", kLong, "-2", "", -2, kLongMax, "", false, "No local tier here."},
    {"max.compaction.lag.ms", kLong, "9223372036854775807", "", 1, kLongMax, "", false,
     "When a record must be compacted at the latest."},
    {"max.message.bytes", kInt, "1048588", "message.max.bytes", 0, kIntMax, "", true,
     "The largest record batch accepted, as it is sent."},
    {"message.timestamp.after.max.ms", kLong, "3600000", "log.message.timestamp.after.max.ms", 0,
     kLongMax, "", true, "How far a record's create time may be ahead of the broker's clock."},
    {"message.timestamp.before.max.ms", kLong, "9223372036854775807",
     "log.message.timestamp.before.max.ms", 0, kLongMax, "", true,
     "How far a record's create time may be behind the broker's clock."},
    {"message.timestamp.type", kString, "CreateTime", "log.message.timestamp.type", 0, 0,
     kTimestampTypes, true, "Whose time a record carries: the producer's or the broker's."},
    {"min.cleanable.dirty.ratio", kDouble, "0.5", "", 0, 1, "", false,
     "How much of a log must be dirty before it is compacted."},
    {"min.compaction.lag.ms", kLong, "0", "", 0, kLongMax, "", false,
     "How long a record stays uncompacted at least."},
    {"min.insync.replicas", kInt, "1", "", 1, kIntMax, "", false,
     "Durability comes from the store; an acknowledged record is on a quorum of it."},
    {"preallocate", kBoolean, "false", "", 0, 0, "", false, "No files per partition here."},
    {"remote.log.copy.disable", kBoolean, "false", "", 0, 0, "", false, "No local tier here."},
    {"remote.log.delete.on.disable", kBoolean, "false", "", 0, 0, "", false, "No local tier here."},
    {"remote.storage.enable", kBoolean, "false", "", 0, 0, "", false,
     "Everything is in the object store, whatever this says."},
    {"retention.bytes", kLong, "-1", "log.retention.bytes", -1, kLongMax, "", true,
     "Bytes kept per partition; -1 is no limit. Whole segments are dropped."},
    {"retention.ms", kLong, "604800000", "log.retention.ms", -1, kLongMax, "", true,
     "How long records are kept; -1 is for ever. Whole segments are dropped."},
    {"segment.bytes", kInt, "1073741824", "", 1048576, kIntMax, "", false,
     "Segments are cut by offload, not per topic."},
    {"segment.index.bytes", kInt, "10485760", "", 4, kIntMax, "", false,
     "Kafka's index file size."},
    {"segment.jitter.ms", kLong, "0", "", 0, kLongMax, "", false, "Kafka's roll jitter."},
    {"segment.ms", kLong, "604800000", "", 1, kLongMax, "", false,
     "Segments are cut by offload, not per topic."},
    {kStorageClassConfig, kString, "local", kStorageClassConfig, 0, 0, kStorageClasses, true,
     "What the log is put into, of those this broker has: a disk (local), or object stores that "
     "take chunks of 4 MiB or 50 to 250 ms (standard) or 512 KiB or 5 to 20 ms (express). Fixed "
     "when the topic is created."},
    {"unclean.leader.election.enable", kBoolean, "false", "", 0, 0, "", false,
     "There is no unclean election: the log decides."},
});

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> items;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    items.push_back(item);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return items;
}

bool is_choice(std::string_view value, std::string_view choices) {
  const auto allowed = split_list(choices);
  return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

template <class T>
bool is_number(std::string_view text, T& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

bool fits(const TopicConfigKey& key, std::string_view value) {
  switch (key.type) {
    case kBoolean: return value == "true" || value == "false";
    case kInt:
    case kLong: {
      int64_t number = 0;
      return is_number(value, number) && static_cast<double>(number) >= key.min &&
             static_cast<double>(number) <= key.max;
    }
    case kDouble: {
      double number = 0;
      return is_number(value, number) && number >= key.min && number <= key.max;
    }
    case kString: return key.choices.empty() || is_choice(value, key.choices);
    case kList: {
      if (key.choices.empty()) return true;
      const auto items = split_list(value);
      return !items.empty() && std::all_of(items.begin(), items.end(), [&](std::string_view item) {
        return is_choice(item, key.choices);
      });
    }
  }
  return false;
}

std::string_view value_of(const ConfigEntries& entries, std::string_view name) {
  const auto it = std::find_if(entries.begin(), entries.end(),
                               [&](const auto& entry) { return entry.first == name; });
  return it == entries.end() ? std::string_view{} : std::string_view(it->second);
}

int64_t to_int(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void set_cleanup(TopicSettings& settings, std::string_view policies) {
  const auto items = split_list(policies);
  settings.cleanup_compact = std::find(items.begin(), items.end(), "compact") != items.end();
  settings.cleanup_delete = std::find(items.begin(), items.end(), "delete") != items.end();
}

void apply(TopicSettings& settings, std::string_view name, std::string_view value) {
  if (name == "retention.ms") settings.retention_ms = to_int(value);
  if (name == "retention.bytes") settings.retention_bytes = to_int(value);
  if (name == "max.message.bytes") settings.max_message_bytes = static_cast<int32_t>(to_int(value));
  if (name == "message.timestamp.type") settings.log_append_time = value == "LogAppendTime";
  if (name == "message.timestamp.before.max.ms") settings.timestamp_before_max_ms = to_int(value);
  if (name == "message.timestamp.after.max.ms") settings.timestamp_after_max_ms = to_int(value);
  if (name == "cleanup.policy") set_cleanup(settings, value);
  if (name == kStorageClassConfig) {
    settings.storage_class = storage_class_of(value).value_or(settings.storage_class);
  }
}

}  // namespace

std::span<const TopicConfigKey> topic_config_keys() { return kKeys; }

const TopicConfigKey* find_topic_config(std::string_view name) {
  const auto it =
      std::lower_bound(kKeys.begin(), kKeys.end(), name,
                       [](const TopicConfigKey& key, std::string_view n) { return key.name < n; });
  return it != kKeys.end() && it->name == name ? &*it : nullptr;
}

base::Status check_topic_config(std::string_view name, std::string_view value) {
  const TopicConfigKey* key = find_topic_config(name);
  if (key == nullptr) {
    return base::fail(base::ErrorCode::kInvalidArgument,
                      "Unknown topic config name: " + std::string(name));
  }
  if (!fits(*key, value)) {
    return base::fail(
        base::ErrorCode::kInvalidArgument,
        "Invalid value " + std::string(value) + " for configuration " + std::string(name));
  }
  return {};
}

base::Result<TopicDefaults> TopicDefaults::make(ConfigEntries entries) {
  TopicDefaults defaults;
  for (const auto& [name, value] : entries) TRY(check_topic_config(name, value));
  defaults.settings_ = parse_topic_settings(TopicDefaults(), entries);
  defaults.entries_ = std::move(entries);
  return defaults;
}

std::string_view TopicDefaults::value_of(const TopicConfigKey& key) const {
  return overridden(key) ? topics::value_of(entries_, key.name) : key.default_value;
}

bool TopicDefaults::overridden(const TopicConfigKey& key) const {
  return topics::value_of(entries_, key.name).data() != nullptr;
}

TopicSettings parse_topic_settings(const TopicDefaults& defaults, const ConfigEntries& configs) {
  TopicSettings settings = defaults.settings();
  for (const auto& [name, value] : configs) apply(settings, name, value);
  return settings;
}

}  // namespace thalweg::topics
