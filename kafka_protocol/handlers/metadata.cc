#include "kafka_protocol/handlers/metadata.h"

#include <unordered_set>

#include "kafka_protocol/handlers/answer_budget.h"
#include "kafka_protocol/handlers/authorized_operations.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::KafkaError;
using wire::MetadataRequest;
using wire::MetadataResponse;
using TopicAnswer = MetadataResponse::Topic;

namespace {

// What one request may bring into being; who names more missing topics asks again.
constexpr size_t kAutoCreatedMax = 1000;
// What a partition and a topic take on the wire, about.
constexpr size_t kPartitionBytes = 34;
constexpr size_t kTopicBytes = 40;

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
  const LeaderEpoch common = broker.store.channel_leader_epoch(channel_of(topic->stream(0)));
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
  std::unordered_set<std::string_view> seen;
  AnswerBudget turns;
  for (const auto& asked : *request.topics) {
    if (turns.turn_is_over()) co_await base::yield(broker.home);
    if (missing.size() == kAutoCreatedMax) break;
    if (!asked.name.has_value() || broker.topics.find(*asked.name) != nullptr) continue;
    topics::NewTopic topic{.name = std::string(*asked.name),
                           .partitions = broker.settings.num_partitions,
                           .configs = {}};
    if (!seen.insert(*asked.name).second) continue;
    if (broker.topics.check_new(topic).ok()) missing.push_back(std::move(topic));
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

base::Status take(AnswerBudget& budget, const TopicAnswer& answer) {
  return budget.take(kTopicBytes + answer.name.value_or("").size() +
                     kPartitionBytes * answer.partitions.size());
}

base::Task<base::Status> describe_all(Broker& broker, const MetadataRequest& request,
                                      MetadataResponse& response) {
  AnswerBudget budget;
  for (const TopicRef& topic : broker.topics.all()) {
    response.topics.push_back(describe(broker, request, topic));
    CO_TRY(take(budget, response.topics.back()));
    if (budget.turn_is_over()) co_await base::yield(broker.home);
  }
  co_return base::Status{};
}

// Each topic once, however often it is named, as in Kafka.
base::Task<base::Status> describe_named(Broker& broker, const Call& call,
                                        const MetadataRequest& request,
                                        MetadataResponse& response) {
  AnswerBudget budget;
  std::unordered_set<std::string_view> names;
  std::unordered_set<wire::Uuid> ids;
  for (const auto& asked : *request.topics) {
    if (budget.turn_is_over()) co_await base::yield(broker.home);
    const bool first = asked.topic_id.is_zero() ? names.insert(asked.name.value_or("")).second
                                                : ids.insert(asked.topic_id).second;
    if (!first) continue;
    response.topics.push_back(look_up(broker, call, request, asked));
    CO_TRY(take(budget, response.topics.back()));
  }
  co_return base::Status{};
}

}  // namespace

base::Task<base::Result<MetadataResponse>> metadata(Broker& broker, const Call& call,
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
    CO_TRY(co_await describe_all(broker, request, response));
    co_return response;
  }
  if (may_create(broker, call, request)) co_await create_missing(broker, request);
  CO_TRY(co_await describe_named(broker, call, request, response));
  co_return response;
}

}  // namespace thalweg::handlers
