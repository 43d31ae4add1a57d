#include "kafka_protocol/handlers/create_partitions.h"

#include <unordered_map>

#include "kafka_protocol/handlers/answer_budget.h"

namespace thalweg::handlers {

using topics::TopicFault;
using topics::TopicRef;
using wire::CreatePartitionsRequest;
using wire::CreatePartitionsResponse;
using wire::KafkaError;

namespace {

TopicFault check(const CreatePartitionsRequest::Topic& asked, const TopicRef& topic, int times) {
  if (times > 1) return {KafkaError::kInvalidRequest, "Duplicate topic name."};
  if (topic == nullptr) {
    return {KafkaError::kUnknownTopicOrPartition, "This server does not host this topic."};
  }
  const int32_t now = topic->partition_count();
  if (asked.count <= now || asked.count > topics::kPartitionsMax) {
    return {KafkaError::kInvalidPartitions,
            "The topic " + topic->name() + " currently has " + std::to_string(now) +
                " partition(s); " + std::to_string(asked.count) + " would not be an increase."};
  }
  const auto added = static_cast<size_t>(asked.count - now);
  if (asked.assignments.has_value() && asked.assignments->size() != added) {
    return {KafkaError::kInvalidReplicaAssignment,
            "Increasing the number of partitions by " + std::to_string(added) + " but " +
                std::to_string(asked.assignments->size()) + " assignments provided."};
  }
  return {};
}

}  // namespace

base::Task<CreatePartitionsResponse> create_partitions(Broker& broker, const Call&,
                                                       const CreatePartitionsRequest& request) {
  CreatePartitionsResponse response;
  std::unordered_map<std::string_view, int> times;
  for (const auto& asked : request.topics) ++times[asked.name];
  AnswerBudget turns;
  for (const auto& asked : request.topics) {
    if (turns.turn_is_over()) co_await base::yield(broker.home);
    TopicRef topic = broker.topics.find(asked.name);
    TopicFault fault = check(asked, topic, times.at(asked.name));
    if (fault.ok() && !request.validate_only) {
      fault = co_await broker.topics.grow(std::move(topic), asked.count);
    }
    auto& answer = response.results.emplace_back();
    answer.name = asked.name;
    answer.error_code = fault.error;
    if (!fault.ok()) answer.error_message = std::move(fault.message);
  }
  co_return response;
}

}  // namespace thalweg::handlers
