#include "kafka_protocol/handlers/describe_configs.h"

#include <algorithm>
#include <set>

#include "kafka_protocol/handlers/answer_budget.h"

namespace thalweg::handlers {

using topics::TopicConfigKey;
using topics::TopicRef;
using wire::DescribeConfigsRequest;
using wire::DescribeConfigsResponse;
using wire::KafkaError;
using Config = DescribeConfigsResponse::Resource::Config;

namespace {

constexpr int8_t kTopicResource = 2;  // ConfigResource.Type
constexpr int8_t kBrokerResource = 4;

// DescribeConfigsResponse.ConfigSource
constexpr int8_t kTopicSource = 1;
constexpr int8_t kStaticBrokerSource = 4;
constexpr int8_t kDefaultSource = 5;

bool wanted(const DescribeConfigsRequest::Resource& asked, std::string_view name) {
  const auto& keys = asked.configuration_keys;
  return !keys.has_value() || keys->empty() ||
         std::find(keys->begin(), keys->end(), name) != keys->end();
}

// The value a topic config falls back to, most specific first.
void add_synonyms(const topics::TopicDefaults& defaults, const TopicConfigKey& key,
                  const std::string* set, Config& config) {
  if (set != nullptr) config.synonyms.push_back({std::string(key.name), *set, kTopicSource});
  const std::string name(key.broker_key.empty() ? key.name : key.broker_key);
  if (defaults.overridden(key)) {
    config.synonyms.push_back({name, std::string(defaults.value_of(key)), kStaticBrokerSource});
  }
  config.synonyms.push_back({name, std::string(key.default_value), kDefaultSource});
}

Config topic_config(Broker& broker, const DescribeConfigsRequest& request,
                    const topics::Topic& topic, const TopicConfigKey& key) {
  const topics::TopicDefaults& defaults = broker.topics.defaults();
  const auto& configs = topic.row().configs;
  const auto it = std::find_if(configs.begin(), configs.end(),
                               [&](const auto& entry) { return entry.first == key.name; });
  const std::string* set = it == configs.end() ? nullptr : &it->second;
  // A topic that did not say keeps the class that was the default then.
  std::string created_with;
  if (set == nullptr && key.name == topics::kStorageClassConfig) {
    created_with = to_string(broker.store.class_of(channel_of(topic.stream(0))));
    if (created_with != defaults.value_of(key)) set = &created_with;
  }
  Config config;
  config.name = key.name;
  config.value = set != nullptr ? *set : std::string(defaults.value_of(key));
  const int8_t inherited = defaults.overridden(key) ? kStaticBrokerSource : kDefaultSource;
  config.config_source = set != nullptr ? kTopicSource : inherited;
  config.config_type = static_cast<int8_t>(key.type);
  if (request.include_synonyms) add_synonyms(defaults, key, set, config);
  if (request.include_documentation) config.documentation = std::string(key.documentation);
  return config;
}

void describe_topic(Broker& broker, const DescribeConfigsRequest& request,
                    const DescribeConfigsRequest::Resource& asked,
                    DescribeConfigsResponse::Resource& answer) {
  const TopicRef topic = broker.topics.find(asked.resource_name);
  if (topic == nullptr) {
    const std::string fault = topics::topic_name_fault(asked.resource_name);
    answer.error_code =
        fault.empty() ? KafkaError::kUnknownTopicOrPartition : KafkaError::kInvalidTopicException;
    answer.error_message = fault.empty() ? "This server does not host this topic." : fault;
    return;
  }
  for (const TopicConfigKey& key : topics::topic_config_keys()) {
    if (!wanted(asked, key.name)) continue;
    answer.configs.push_back(topic_config(broker, request, *topic, key));
  }
}

void describe_broker(Broker& broker, const DescribeConfigsRequest& request,
                     const DescribeConfigsRequest::Resource& asked,
                     DescribeConfigsResponse::Resource& answer) {
  // "" is the cluster-wide default of dynamic configs, of which there are none.
  if (asked.resource_name.empty()) return;
  if (asked.resource_name != std::to_string(broker.settings.node_id)) {
    answer.error_code = KafkaError::kInvalidRequest;
    answer.error_message = "Unexpected broker id, expected " +
                           std::to_string(broker.settings.node_id) + " but received " +
                           std::string(asked.resource_name);
    return;
  }
  for (const BrokerSettings::Config& known : broker.settings.configs) {
    if (!wanted(asked, known.name)) continue;
    Config& config = answer.configs.emplace_back();
    config.name = known.name;
    config.value = known.value;
    config.read_only = true;
    config.config_source = known.is_default ? kDefaultSource : kStaticBrokerSource;
    config.config_type = static_cast<int8_t>(known.type);
    if (request.include_synonyms) {
      if (!known.is_default)
        config.synonyms.push_back({known.name, known.value, kStaticBrokerSource});
      config.synonyms.push_back({known.name, known.default_value, kDefaultSource});
    }
    if (request.include_documentation) config.documentation = known.documentation;
  }
}

size_t bytes_of(const DescribeConfigsResponse::Resource& answer) {
  size_t bytes = sizeof(answer) + answer.resource_name.size();
  for (const Config& config : answer.configs) {
    bytes += sizeof(config) + config.name.size() + config.value.value_or("").size() +
             config.documentation.value_or("").size();
    for (const auto& synonym : config.synonyms) bytes += sizeof(synonym) + synonym.name.size();
  }
  return bytes;
}

void describe(Broker& broker, const DescribeConfigsRequest& request,
              const DescribeConfigsRequest::Resource& asked,
              DescribeConfigsResponse::Resource& answer) {
  answer.resource_type = asked.resource_type;
  answer.resource_name = asked.resource_name;
  if (asked.resource_type == kTopicResource) {
    describe_topic(broker, request, asked, answer);
  } else if (asked.resource_type == kBrokerResource) {
    describe_broker(broker, request, asked, answer);
  } else {
    answer.error_code = KafkaError::kInvalidRequest;
    answer.error_message = "Unsupported resource type: " + std::to_string(asked.resource_type);
  }
}

}  // namespace

base::Task<base::Result<DescribeConfigsResponse>> describe_configs(
    Broker& broker, const Call&, const DescribeConfigsRequest& request) {
  DescribeConfigsResponse response;
  AnswerBudget budget;
  std::set<std::pair<int8_t, std::string_view>> seen;
  for (const auto& asked : request.resources) {
    if (budget.turn_is_over()) co_await base::yield(broker.home);
    if (!seen.emplace(asked.resource_type, asked.resource_name).second) continue;
    describe(broker, request, asked, response.results.emplace_back());
    CO_TRY(budget.take(bytes_of(response.results.back())));
  }
  co_return response;
}

}  // namespace thalweg::handlers
