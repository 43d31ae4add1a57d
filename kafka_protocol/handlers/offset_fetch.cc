#include "kafka_protocol/handlers/offset_fetch.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::KafkaError;
using wire::OffsetFetchRequest;
using wire::OffsetFetchResponse;
using GroupAnswer = OffsetFetchResponse::Group;

namespace {

constexpr int16_t kGroupErrors = 2;  // first version whose answer has an error of its own
constexpr int16_t kManyGroups = 8;   // first version that asks for several groups at once
constexpr int16_t kTopicIds = 10;    // first version that names topics by id

GroupAnswer::GroupTopic unknown_topic(const OffsetFetchRequest::Group::GroupTopic& asked) {
  GroupAnswer::GroupTopic answer;
  answer.topic_id = asked.topic_id;
  for (const int32_t partition : asked.partition_indexes) {
    auto& unknown = answer.partitions.emplace_back();
    unknown.partition_index = partition;
    unknown.committed_offset = -1;
    unknown.metadata = "";
    unknown.error_code = KafkaError::kUnknownTopicId;
  }
  return answer;
}

// v10 names topics by id: to names before the coordinator sees them, and back in the answer.
GroupAnswer fetch_by_id(Broker& broker, const OffsetFetchRequest::Group& asked) {
  OffsetFetchRequest::Group by_name = asked;
  std::vector<TopicRef> named;
  std::vector<GroupAnswer::GroupTopic> unknown;
  if (asked.topics.has_value()) {
    by_name.topics->clear();
    for (const auto& topic : *asked.topics) {
      TopicRef found = broker.topics.find(topic.topic_id);
      if (found == nullptr) {
        unknown.push_back(unknown_topic(topic));
        continue;
      }
      by_name.topics->push_back(topic);
      by_name.topics->back().name = found->name();
      named.push_back(std::move(found));
    }
  }
  GroupAnswer answer = broker.groups.fetch_offsets(by_name);
  std::erase_if(answer.topics, [&](GroupAnswer::GroupTopic& topic) {
    const TopicRef found = broker.topics.find(topic.name);
    if (found != nullptr) topic.topic_id = found->id();
    return found == nullptr;
  });
  for (auto& topic : unknown) answer.topics.push_back(std::move(topic));
  return answer;
}

OffsetFetchRequest::Group only_group(const OffsetFetchRequest& request) {
  OffsetFetchRequest::Group group;
  group.group_id = request.group_id;
  if (!request.topics.has_value()) return group;
  group.topics.emplace();
  for (const auto& topic : *request.topics) {
    auto& asked = group.topics->emplace_back();
    asked.name = topic.name;
    asked.partition_indexes = topic.partition_indexes;
  }
  return group;
}

// v0 and v1 have no error of the whole answer: each partition that was asked for carries it.
void flatten_error(const OffsetFetchRequest& request, KafkaError error,
                   OffsetFetchResponse& response) {
  if (!request.topics.has_value()) return;
  for (const auto& topic : *request.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (const int32_t partition : topic.partition_indexes) {
      auto& flat = answer.partitions.emplace_back();
      flat.partition_index = partition;
      flat.committed_offset = -1;
      flat.metadata = "";
      flat.error_code = error;
    }
  }
}

void flatten(GroupAnswer group, OffsetFetchResponse& response) {
  response.error_code = group.error_code;
  for (auto& topic : group.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = std::move(topic.name);
    for (auto& partition : topic.partitions) {
      auto& flat = answer.partitions.emplace_back();
      flat.partition_index = partition.partition_index;
      flat.committed_offset = partition.committed_offset;
      flat.committed_leader_epoch = partition.committed_leader_epoch;
      flat.metadata = std::move(partition.metadata);
      flat.error_code = partition.error_code;
    }
  }
}

}  // namespace

base::Task<OffsetFetchResponse> offset_fetch(Broker& broker, const Call& call,
                                             const OffsetFetchRequest& request) {
  OffsetFetchResponse response;
  if (call.version() < kManyGroups) {
    GroupAnswer answer = broker.groups.fetch_offsets(only_group(request));
    if (call.version() < kGroupErrors && answer.error_code != KafkaError::kNone) {
      flatten_error(request, answer.error_code, response);
    } else {
      flatten(std::move(answer), response);
    }
    co_return response;
  }
  for (const auto& group : request.groups) {
    response.groups.push_back(call.version() >= kTopicIds ? fetch_by_id(broker, group)
                                                          : broker.groups.fetch_offsets(group));
  }
  co_return response;
}

}  // namespace thalweg::handlers
