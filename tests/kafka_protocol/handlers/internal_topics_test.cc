// The broker's own topics, and what groups and topics want of each other.

#include <gtest/gtest.h>

#include "kafka_protocol/topics/batch_rules.h"
#include "kafka_protocol/wire/messages/create_topics.h"
#include "kafka_protocol/wire/messages/delete_topics.h"
#include "kafka_protocol/wire/messages/offset_commit.h"
#include "kafka_protocol/wire/messages/offset_fetch.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "tests/kafka_protocol/handlers/broker_world.h"
#include "tests/kafka_protocol/topics/stream_batches.h"

namespace thalweg::handlers {
namespace {

using wire::KafkaError;
using wire::OffsetCommitRequest;
using wire::OffsetCommitResponse;
using wire::OffsetFetchRequest;
using wire::OffsetFetchResponse;

class InternalTopicsTest : public testing::Test {
 protected:
  static OffsetCommitRequest commit_of(std::string_view topic) {
    OffsetCommitRequest request{.group_id = "g"};
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    asked.partitions.emplace_back().committed_offset = 7;
    return request;
  }
  base::Task<OffsetCommitResponse> commit_task(std::string_view topic) {
    return world_.call_task<OffsetCommitRequest, OffsetCommitResponse>(commit_of(topic), 8);
  }
  KafkaError commit(std::string_view topic) {
    return world_.run(commit_task(topic)).topics[0].partitions[0].error_code;
  }
  OffsetFetchResponse fetch(std::string_view topic, int16_t version) {
    OffsetFetchRequest request{.group_id = "g"};
    request.topics.emplace().push_back({.name = topic, .partition_indexes = {0, 3}});
    return world_.call<OffsetFetchRequest, OffsetFetchResponse>(request, version);
  }
  KafkaError remove(std::string_view topic) {
    wire::DeleteTopicsRequest request;
    request.topic_names.push_back(topic);
    return world_.call<wire::DeleteTopicsRequest, wire::DeleteTopicsResponse>(request, 5)
        .responses[0]
        .error_code;
  }
  KafkaError produce(std::string_view topic) {
    const topics::StreamBatch batch({});
    wire::ProduceRequest request{.acks = -1, .timeout_ms = 1000};
    auto& asked = request.topic_data.emplace_back();
    asked.name = topic;
    asked.partition_data.push_back({.index = 0, .records = batch.bytes()});
    return world_.call<wire::ProduceRequest, wire::ProduceResponse>(request, 9)
        .responses[0]
        .partition_responses[0]
        .error_code;
  }
  KafkaError create(std::string_view topic) {
    wire::CreateTopicsRequest request;
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    asked.num_partitions = 1;
    asked.replication_factor = 1;
    return world_.call<wire::CreateTopicsRequest, wire::CreateTopicsResponse>(request, 5)
        .topics[0]
        .error_code;
  }

  topics::BatchRules rules_;
  BrokerWorld world_{rules_};
};

// Any client can call itself "__admin_client", which Kafka takes for one of its own.
TEST_F(InternalTopicsTest, NoClientWritesToOneWhateverItCallsItself) {
  world_.create_topic("t", 1);
  ASSERT_EQ(commit("t"), KafkaError::kNone);
  world_.client_id = "__admin_client";
  EXPECT_EQ(produce(topics::kOffsetsTopic), KafkaError::kInvalidTopicException);
  EXPECT_EQ(produce("t"), KafkaError::kNone);
}

TEST_F(InternalTopicsTest, NoClientCreatesOrDeletesOne) {
  EXPECT_EQ(create(topics::kOffsetsTopic), KafkaError::kInvalidTopicException);
  world_.create_topic("t", 1);
  ASSERT_EQ(commit("t"), KafkaError::kNone);
  EXPECT_EQ(remove(topics::kOffsetsTopic), KafkaError::kInvalidTopicException);
  EXPECT_EQ(fetch("t", 5).topics[0].partitions[0].committed_offset, 7);
}

TEST_F(InternalTopicsTest, AFirstCommitAndADeletionDoNotWaitForEachOther) {
  for (int steps = 0; steps < 40; ++steps) {
    BrokerWorld world(rules_);
    world.create_topic("t", 1);
    world.create_topic("u", 1);
    std::optional<OffsetCommitResponse> committed;
    std::optional<topics::TopicFault> removed;
    base::TaskGroup requests(world.executor());
    requests.spawn([](BrokerWorld& w, auto& out) -> base::Task<void> {
      out = co_await w.call_task<OffsetCommitRequest, OffsetCommitResponse>(commit_of("u"), 8);
    }(world, committed));
    for (int i = 0; i < steps; ++i) world.executor().step();
    requests.spawn([](BrokerWorld& w, auto& out) -> base::Task<void> {
      out = co_await w.topics().remove(w.topics().find("t"));
    }(world, removed));
    world.executor().run_for(std::chrono::seconds(1));
    ASSERT_TRUE(committed.has_value() && removed.has_value()) << steps;
    EXPECT_EQ(committed->topics[0].partitions[0].error_code, KafkaError::kNone);
    EXPECT_TRUE(removed->ok()) << removed->message;
  }
}

TEST_F(InternalTopicsTest, ATopicMadeAgainInheritsNoOffsets) {
  world_.create_topic("t", 4);
  ASSERT_EQ(commit("t"), KafkaError::kNone);
  ASSERT_EQ(remove("t"), KafkaError::kNone);
  world_.create_topic("t", 4);
  EXPECT_EQ(fetch("t", 5).topics[0].partitions[0].committed_offset, -1);
}

TEST_F(InternalTopicsTest, ACommitThatWaitsWhileItsTopicIsDeletedLeavesNothing) {
  constexpr int32_t kWide = static_cast<int32_t>(coordinator::kQueuedRecordsMax);
  world_.create_topic("wide", kWide);
  world_.create_topic("t", 4);
  OffsetCommitRequest all{.group_id = "another"};
  auto& asked = all.topics.emplace_back();
  asked.name = "wide";
  for (int32_t p = 0; p < kWide; ++p) asked.partitions.push_back({.partition_index = p});
  int done = 0;
  base::TaskGroup requests(world_.executor());
  for (const OffsetCommitRequest& request : {all, commit_of("t")}) {
    requests.spawn([](BrokerWorld& w, OffsetCommitRequest r, int& count) -> base::Task<void> {
      (void)co_await w.call_task<OffsetCommitRequest, OffsetCommitResponse>(r, 8);
      ++count;
    }(world_, request, done));
  }
  for (int i = 0; i < 4; ++i) world_.executor().step();
  ASSERT_EQ(done, 0);
  ASSERT_TRUE(world_.run(world_.topics().remove(world_.topics().find("t"))).ok());
  world_.executor().run_for(std::chrono::seconds(10));
  ASSERT_EQ(done, 2);
  world_.create_topic("t", 4);
  EXPECT_EQ(fetch("t", 5).topics[0].partitions[0].committed_offset, -1);
}

TEST_F(InternalTopicsTest, OldFetchesOfOffsetsCarryTheErrorInEachPartition) {
  world_.create_topic("t", 4);
  world_.run(world_.groups().stop());
  for (const int16_t version : {1, 2}) {
    const OffsetFetchResponse answer = fetch("t", version);
    if (version == 2) {
      EXPECT_EQ(answer.error_code, KafkaError::kNotCoordinator);
      continue;
    }
    ASSERT_EQ(answer.topics.size(), 1u);
    EXPECT_EQ(answer.topics[0].name, "t");
    ASSERT_EQ(answer.topics[0].partitions.size(), 2u);
    EXPECT_EQ(answer.topics[0].partitions[1].partition_index, 3);
    EXPECT_EQ(answer.topics[0].partitions[1].error_code, KafkaError::kNotCoordinator);
    EXPECT_EQ(answer.topics[0].partitions[1].committed_offset, -1);
  }
}

}  // namespace
}  // namespace thalweg::handlers
