#include "kafka_protocol/handlers/offset_for_leader_epoch.h"

#include "kafka_protocol/handlers/answer_budget.h"
#include "kafka_protocol/handlers/leader_epoch.h"

namespace thalweg::handlers {

using topics::Partition;
using topics::TopicRef;
using wire::KafkaError;
using wire::OffsetForLeaderEpochRequest;
using wire::OffsetForLeaderEpochResponse;

namespace {

using PartitionAsked = OffsetForLeaderEpochRequest::Topic::Partition;
using PartitionAnswer = OffsetForLeaderEpochResponse::Topic::Partition;

base::Task<void> look_up(Broker& broker, TopicRef topic, const PartitionAsked& asked,
                         PartitionAnswer& answer) {
  if (topic == nullptr || !topic->has_partition(asked.partition)) {
    answer.error_code = KafkaError::kUnknownTopicOrPartition;
    co_return;
  }
  Partition& partition = topic->partition(broker.home, asked.partition);
  const base::Status loaded = co_await partition.load(broker.store);
  const base::Result<StreamBounds> bounds = co_await broker.store.bounds(partition.stream());
  if (!loaded.has_value() || !bounds.has_value()) {
    answer.error_code = KafkaError::kKafkaStorageError;
    co_return;
  }
  answer.error_code = check_leader_epoch(asked.current_leader_epoch, bounds->leader_epoch);
  if (answer.error_code != KafkaError::kNone) co_return;
  // Only what is durable may be told: the log ends at the high watermark (B12, B22).
  const auto end =
      partition.leader_epochs().end_of(asked.leader_epoch, bounds->leader_epoch.value,
                                       static_cast<int64_t>(bounds->trim_point.value),
                                       static_cast<int64_t>(bounds->durable_tail.value));
  answer.leader_epoch = end.epoch;
  answer.end_offset = end.offset;
}

}  // namespace

base::Task<OffsetForLeaderEpochResponse> offset_for_leader_epoch(
    Broker& broker, const Call&, const OffsetForLeaderEpochRequest& request) {
  OffsetForLeaderEpochResponse response;
  AnswerBudget turns;
  for (const auto& asked : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = asked.topic;
    const TopicRef topic = broker.topics.find(asked.topic);
    for (const PartitionAsked& partition : asked.partitions) {
      if (turns.turn_is_over()) co_await base::yield(broker.home);
      auto& answer = answered.partitions.emplace_back();
      answer.partition = partition.partition;
      co_await look_up(broker, topic, partition, answer);
    }
  }
  co_return response;
}

}  // namespace thalweg::handlers
