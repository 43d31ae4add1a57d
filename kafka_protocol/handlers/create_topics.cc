#include "kafka_protocol/handlers/create_topics.h"

#include <algorithm>
#include <map>
#include <set>

namespace thalweg::handlers {

using topics::NewTopic;
using topics::TopicFault;
using wire::CreateTopicsRequest;
using wire::CreateTopicsResponse;
using wire::KafkaError;

namespace {

constexpr int8_t kTopicConfigSource = 1;
constexpr int8_t kStaticBrokerConfigSource = 4;
constexpr int8_t kDefaultConfigSource = 5;

// As Kafka's controller, which takes no larger batch of changes; an answer says much about each.
constexpr size_t kTopicsPerRequestMax = 10'000;

TopicFault check_values(const CreateTopicsRequest::Topic& asked) {
  std::string names;
  for (const auto& config : asked.configs) {
    if (!config.value.has_value()) names += (names.empty() ? "" : ",") + std::string(config.name);
  }
  if (names.empty()) return {};
  return {KafkaError::kInvalidConfig, "Null value not supported for topic configs: " + names};
}

// A manual assignment names the brokers of each partition: all of them this one, partitions 0..n-1.
TopicFault check_assignments(Broker& broker, const CreateTopicsRequest::Topic& asked) {
  if (asked.num_partitions != -1 || asked.replication_factor != -1) {
    return {KafkaError::kInvalidRequest,
            "Both numPartitions or replicationFactor and replicasAssignments were set."};
  }
  std::set<int32_t> partitions;
  for (const auto& assignment : asked.assignments) {
    partitions.insert(assignment.partition_index);
    const bool ours = std::all_of(assignment.broker_ids.begin(), assignment.broker_ids.end(),
                                  [&](int32_t id) { return id == broker.settings.node_id; });
    if (!ours || assignment.broker_ids.empty()) {
      return {KafkaError::kInvalidReplicaAssignment,
              "Only broker " + std::to_string(broker.settings.node_id) + " can hold replicas."};
    }
  }
  const auto count = static_cast<int32_t>(asked.assignments.size());
  if (static_cast<int32_t>(partitions.size()) != count || *partitions.begin() != 0 ||
      *partitions.rbegin() != count - 1) {
    return {KafkaError::kInvalidReplicaAssignment,
            "Partitions must be numbered from 0 without gaps."};
  }
  return {};
}

TopicFault check_request(Broker& broker, const CreateTopicsRequest::Topic& asked,
                         const std::map<std::string_view, int>& times) {
  if (times.size() > kTopicsPerRequestMax) {
    return {KafkaError::kPolicyViolation, "At most " + std::to_string(kTopicsPerRequestMax) +
                                              " topics can be created by one request."};
  }
  if (TopicFault fault = check_values(asked); !fault.ok()) return fault;
  if (times.at(asked.name) > 1) return {KafkaError::kInvalidRequest, "Duplicate topic name."};
  if (!asked.assignments.empty()) return check_assignments(broker, asked);
  // Any replication factor is accepted: durability comes from the store, not from copies on
  // brokers.
  if (asked.replication_factor < 1 && asked.replication_factor != -1) {
    return {KafkaError::kInvalidReplicationFactor,
            "Replication factor must be larger than 0, or -1."};
  }
  return {};
}

NewTopic new_topic(Broker& broker, const CreateTopicsRequest::Topic& asked) {
  NewTopic topic{
      .name = std::string(asked.name), .partitions = asked.num_partitions, .configs = {}};
  if (!asked.assignments.empty()) {
    topic.partitions = static_cast<int32_t>(asked.assignments.size());
  } else if (asked.num_partitions == -1) {
    topic.partitions = broker.settings.num_partitions;
  }
  for (const auto& config : asked.configs) {
    if (config.value.has_value()) topic.configs.emplace_back(config.name, *config.value);
  }
  return topic;
}

std::vector<CreateTopicsResponse::Topic::Config> effective_configs(
    Broker& broker, const topics::ConfigEntries& configs) {
  std::vector<CreateTopicsResponse::Topic::Config> effective;
  const topics::TopicDefaults& defaults = broker.topics.defaults();
  for (const topics::TopicConfigKey& key : topics::topic_config_keys()) {
    const auto set = std::find_if(configs.begin(), configs.end(),
                                  [&](const auto& entry) { return entry.first == key.name; });
    const bool is_set = set != configs.end();
    const int8_t inherited =
        defaults.overridden(key) ? kStaticBrokerConfigSource : kDefaultConfigSource;
    effective.push_back({.name = std::string(key.name),
                         .value = is_set ? set->second : std::string(defaults.value_of(key)),
                         .read_only = false,
                         .config_source = is_set ? kTopicConfigSource : inherited,
                         .is_sensitive = false});
  }
  return effective;
}

int16_t replication_factor(const Broker& broker, const CreateTopicsRequest::Topic& asked) {
  if (asked.replication_factor != -1) return asked.replication_factor;
  return asked.assignments.empty() ? broker.settings.replication_factor : int16_t{1};
}

void describe(Broker& broker, const NewTopic& topic, int16_t replication_factor, bool created,
              CreateTopicsResponse::Topic& answer) {
  answer.num_partitions = topic.partitions;
  answer.replication_factor = replication_factor;
  answer.configs = effective_configs(broker, topic.configs);
  if (!created) return;
  if (const topics::TopicRef made = broker.topics.find(topic.name)) answer.topic_id = made->id();
}

}  // namespace

base::Task<CreateTopicsResponse> create_topics(Broker& broker, const Call&,
                                               const CreateTopicsRequest& request) {
  CreateTopicsResponse response;
  std::map<std::string_view, int> times;
  for (const auto& asked : request.topics) ++times[asked.name];
  std::vector<NewTopic> wanted;
  std::vector<size_t> places;  // of each wanted topic in the request
  for (size_t i = 0; i < request.topics.size(); ++i) {
    const auto& asked = request.topics[i];
    auto& answer = response.topics.emplace_back();
    answer.name = asked.name;
    TopicFault fault = check_request(broker, asked, times);
    NewTopic topic = new_topic(broker, asked);
    if (fault.ok()) fault = broker.topics.check_new(topic);
    if (!fault.ok()) {
      answer.error_code = fault.error;
      answer.error_message = std::move(fault.message);
      continue;
    }
    if (request.validate_only) {
      describe(broker, topic, replication_factor(broker, asked), false, answer);
      continue;
    }
    wanted.push_back(std::move(topic));
    places.push_back(i);
  }
  const std::vector<TopicFault> faults = co_await broker.topics.create(wanted);
  for (size_t w = 0; w < wanted.size(); ++w) {
    auto& answer = response.topics[places[w]];
    answer.error_code = faults[w].error;
    if (faults[w].ok()) {
      const auto& asked = request.topics[places[w]];
      describe(broker, wanted[w], replication_factor(broker, asked), true, answer);
    } else {
      answer.error_message = faults[w].message;
    }
  }
  co_return response;
}

}  // namespace thalweg::handlers
