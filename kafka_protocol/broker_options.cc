#include "kafka_protocol/broker_options.h"

#include <string>
#include <utility>

#include "kafka_protocol/server/settings.h"

namespace thalweg {

namespace {

topics::ConfigType type_of(const server::ConfigKey& key) {
  switch (key.type) {
    case server::KeyType::kBool: return topics::ConfigType::kBoolean;
    case server::KeyType::kInt:
      return key.max > INT32_MAX ? topics::ConfigType::kLong : topics::ConfigType::kInt;
    case server::KeyType::kString: return topics::ConfigType::kString;
    case server::KeyType::kList: return topics::ConfigType::kList;
  }
  return topics::ConfigType::kString;
}

}  // namespace

base::Result<topics::TopicDefaults> topic_defaults(const server::Config& config,
                                                   StorageClass default_class) {
  topics::ConfigEntries entries;
  for (const topics::TopicConfigKey& key : topics::topic_config_keys()) {
    if (key.broker_key.empty()) continue;
    if (key.name == topics::kStorageClassConfig) {
      const std::string name(to_string(default_class));
      if (name != key.default_value) entries.emplace_back(key.name, name);
    } else if (key.name == "retention.ms") {
      const std::string retention = std::to_string(server::log_retention_ms(config));
      if (retention != key.default_value) entries.emplace_back(key.name, retention);
    } else if (!config.value(key.broker_key).is_default) {
      entries.emplace_back(key.name, config.value(key.broker_key).text);
    }
  }
  return topics::TopicDefaults::make(std::move(entries));
}

handlers::BrokerSettings broker_settings(const server::Config& config) {
  handlers::BrokerSettings settings;
  settings.node_id = *server::node_id(config);
  settings.num_partitions = static_cast<int32_t>(config.get_int("num.partitions"));
  settings.replication_factor = static_cast<int16_t>(config.get_int("default.replication.factor"));
  settings.auto_create_topics = config.get_bool("auto.create.topics.enable");
  settings.delete_topics = config.get_bool("delete.topic.enable");
  settings.fetch_bytes_max = static_cast<int32_t>(config.get_int("fetch.max.bytes"));
  for (const server::ConfigKey& key : server::config_keys()) {
    const server::Config::Value& value = config.value(key.name);
    settings.configs.push_back({.name = std::string(key.name),
                                .value = value.text,
                                .default_value = std::string(key.default_value),
                                .type = type_of(key),
                                .is_default = value.is_default,
                                .documentation = std::string(key.doc)});
  }
  return settings;
}

coordinator::CoordinatorOptions coordinator_options(const server::Config& config) {
  using std::chrono::milliseconds;
  coordinator::CoordinatorOptions options;
  options.groups.session_timeout_min = milliseconds(config.get_int("group.min.session.timeout.ms"));
  options.groups.session_timeout_max = milliseconds(config.get_int("group.max.session.timeout.ms"));
  options.groups.initial_rebalance_delay =
      milliseconds(config.get_int("group.initial.rebalance.delay.ms"));
  options.groups.members_max = static_cast<size_t>(config.get_int("group.max.size"));
  options.offset_metadata_bytes_max =
      static_cast<size_t>(config.get_int("offset.metadata.max.bytes"));
  options.offsets_commit_timeout = milliseconds(config.get_int("offsets.commit.timeout.ms"));
  options.offsets_retention_ms = config.get_int("offsets.retention.minutes") * 60'000;
  return options;
}

}  // namespace thalweg
