#include "kafka_protocol/handlers/delete_topics.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::DeleteTopicsRequest;
using wire::DeleteTopicsResponse;
using wire::KafkaError;

namespace {

base::Task<void> remove(Broker& broker, TopicRef topic, KafkaError missing,
                        DeleteTopicsResponse::Topic& answer) {
  if (topic == nullptr) {
    answer.error_code = missing;
    answer.error_message = "This server does not host this topic.";
    co_return;
  }
  answer.name = topic->name();
  answer.topic_id = topic->id();
  if (!broker.settings.delete_topics) {
    answer.error_code = KafkaError::kTopicDeletionDisabled;
    answer.error_message = "Topic deletion is disabled (delete.topic.enable).";
    co_return;
  }
  topics::TopicFault fault = co_await broker.topics.remove(std::move(topic));
  answer.error_code = fault.error;
  if (!fault.ok()) answer.error_message = std::move(fault.message);
}

}  // namespace

base::Task<DeleteTopicsResponse> delete_topics(Broker& broker, const Call&,
                                               const DeleteTopicsRequest& request) {
  DeleteTopicsResponse response;
  for (const std::string_view name : request.topic_names) {  // up to v5
    auto& answer = response.responses.emplace_back();
    answer.name = name;
    co_await remove(broker, broker.topics.find(name), KafkaError::kUnknownTopicOrPartition, answer);
  }
  for (const auto& asked : request.topics) {
    auto& answer = response.responses.emplace_back();
    if (asked.name.has_value() != asked.topic_id.is_zero()) {
      answer.error_code = KafkaError::kInvalidRequest;
      answer.error_message = "A topic is named either by name or by id.";
    } else if (asked.name.has_value()) {
      answer.name = *asked.name;
      co_await remove(broker, broker.topics.find(*asked.name), KafkaError::kUnknownTopicOrPartition,
                      answer);
    } else {
      answer.topic_id = asked.topic_id;
      co_await remove(broker, broker.topics.find(asked.topic_id), KafkaError::kUnknownTopicId,
                      answer);
    }
  }
  co_return response;
}

}  // namespace thalweg::handlers
