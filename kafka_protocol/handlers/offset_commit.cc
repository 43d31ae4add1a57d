#include "kafka_protocol/handlers/offset_commit.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::KafkaError;
using wire::OffsetCommitRequest;
using wire::OffsetCommitResponse;

namespace {

// What goes to the coordinator of a topic, and where its answers belong.
struct Known {
  TopicRef topic;  // keeps the name the request refers to
  size_t place;
};

}  // namespace

base::Task<OffsetCommitResponse> offset_commit(Broker& broker, const Call& call,
                                               const OffsetCommitRequest& request) {
  OffsetCommitResponse response;
  OffsetCommitRequest known = request;
  known.topics.clear();
  std::vector<Known> places;
  for (const auto& asked : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = asked.name;
    answered.topic_id = asked.topic_id;
    const bool by_id = call.version() >= 10;
    TopicRef topic = by_id ? broker.topics.find(asked.topic_id) : broker.topics.find(asked.name);
    OffsetCommitRequest::Topic forwarded;
    for (const auto& partition : asked.partitions) {
      if (topic != nullptr && topic->has_partition(partition.partition_index)) {
        forwarded.partitions.push_back(partition);
        continue;
      }
      const bool unknown_id = by_id && topic == nullptr;
      answered.partitions.push_back(
          {partition.partition_index,
           unknown_id ? KafkaError::kUnknownTopicId : KafkaError::kUnknownTopicOrPartition});
    }
    if (forwarded.partitions.empty()) continue;
    forwarded.name = topic->name();
    forwarded.topic_id = topic->id();
    known.topics.push_back(std::move(forwarded));
    places.push_back({std::move(topic), response.topics.size() - 1});
  }
  OffsetCommitResponse committed = co_await broker.groups.commit_offsets(known, call.version());
  // Whoever waited for room may have outlived its topic, and what was told of the deletion.
  for (const Known& place : places) {
    if (!place.topic->deleted()) continue;
    (void)co_await broker.groups.on_topic_deleted(place.topic->name(), place.topic->id());
  }
  for (size_t i = 0; i < places.size() && i < committed.topics.size(); ++i) {
    for (const auto& partition : committed.topics[i].partitions) {
      response.topics[places[i].place].partitions.push_back(partition);
    }
  }
  co_return response;
}

}  // namespace thalweg::handlers
