#include "kafka_protocol/handlers/metadata.h"

#include <algorithm>

#include "kafka_protocol/handlers/authorized_operations.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::KafkaError;
using wire::MetadataRequest;
using wire::MetadataResponse;
using TopicAnswer = MetadataResponse::Topic;

namespace {

// Turns of the loop must stay short however many topics there are.
constexpr size_t kTopicsPerTurn = 500;

TopicAnswer describe(Broker& broker, const MetadataRequest& request, const TopicRef& topic) {
  const int32_t self = broker.settings.node_id;
  TopicAnswer answer;
  answer.name = topic->name();
  answer.topic_id = topic->id();
  answer.is_internal = topic->internal();
  if (request.include_topic_authorized_operations) {
    answer.topic_authorized_operations = kTopicOperations;
  }
  const int32_t count = topic->partition_count();
  answer.partitions.reserve(static_cast<size_t>(count));
  const LeaderEpoch common = broker.store.channel_leader_epoch();
  for (int32_t i = 0; i < count; ++i) {
    const auto bounds = broker.store.known_bounds(topic->stream(i));
    // The replica list tells the truth: the owner. Durability comes from the store.
    answer.partitions.push_back(
        {.error_code = KafkaError::kNone,
         .partition_index = i,
         .leader_id = self,
         .leader_epoch = (bounds.has_value() ? bounds->leader_epoch : common).value,
         .replica_nodes = {self},
         .isr_nodes = {self},
         .offline_replicas = {}});
  }
  return answer;
}

TopicAnswer unknown(const MetadataRequest::Topic& asked, KafkaError error) {
  TopicAnswer answer;
  answer.error_code = error;
  if (error != KafkaError::kUnknownTopicId && asked.name.has_value()) answer.name = *asked.name;
  answer.topic_id = asked.topic_id;
  return answer;
}

bool may_create(Broker& broker, const Call& call, const MetadataRequest& request) {
  return broker.settings.auto_create_topics &&
         (call.version() < 4 || request.allow_auto_topic_creation);
}

// Creates the topics that are named and missing. They are described in this very answer: a client
// that is told of a missing topic would have to ask again.
base::Task<void> create_missing(Broker& broker, const MetadataRequest& request) {
  std::vector<topics::NewTopic> missing;
  for (const auto& asked : *request.topics) {
    if (!asked.name.has_value() || broker.topics.find(*asked.name) != nullptr) continue;
    topics::NewTopic topic{.name = std::string(*asked.name),
                           .partitions = broker.settings.num_partitions,
                           .configs = {}};
    const bool twice = std::any_of(missing.begin(), missing.end(),
                                   [&](const topics::NewTopic& t) { return t.name == topic.name; });
    if (!twice && broker.topics.check_new(topic).ok()) missing.push_back(std::move(topic));
  }
  if (!missing.empty()) (void)co_await broker.topics.create(std::move(missing));
}

TopicAnswer look_up(Broker& broker, const Call& call, const MetadataRequest& request,
                    const MetadataRequest::Topic& asked) {
  if (!asked.topic_id.is_zero()) {
    // By id only from v12 on (B10).
    if (call.version() < 12) return unknown(asked, KafkaError::kInvalidRequest);
    const TopicRef topic = broker.topics.find(asked.topic_id);
    if (topic == nullptr) return unknown(asked, KafkaError::kUnknownTopicId);
    return describe(broker, request, topic);
  }
  if (!asked.name.has_value()) return unknown(asked, KafkaError::kInvalidRequest);
  if (const TopicRef topic = broker.topics.find(*asked.name)) {
    return describe(broker, request, topic);
  }
  const bool legal = topics::topic_name_fault(*asked.name).empty();
  return unknown(asked,
                 legal ? KafkaError::kUnknownTopicOrPartition : KafkaError::kInvalidTopicException);
}

}  // namespace

base::Task<MetadataResponse> metadata(Broker& broker, const Call& call,
                                      const MetadataRequest& request) {
  MetadataResponse response;
  response.brokers.push_back({.node_id = broker.settings.node_id,
                              .host = call.advertised().host,
                              .port = call.advertised().port,
                              .rack = std::nullopt});
  response.cluster_id = broker.settings.cluster_id;
  response.controller_id = broker.settings.node_id;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  // Null asks for all; an empty list does too in v0, where null cannot be said (B10).
  const bool all = !request.topics.has_value() || (call.version() == 0 && request.topics->empty());
  if (all) {
    for (const TopicRef& topic : broker.topics.all()) {
      response.topics.push_back(describe(broker, request, topic));
      if (response.topics.size() % kTopicsPerTurn == 0) co_await base::yield(broker.home);
    }
    co_return response;
  }
  if (may_create(broker, call, request)) co_await create_missing(broker, request);
  for (const auto& asked : *request.topics) {
    response.topics.push_back(look_up(broker, call, request, asked));
  }
  co_return response;
}

}  // namespace thalweg::handlers
