#include "kafka_protocol/handlers/list_offsets.h"

#include <gtest/gtest.h>

#include "kafka_protocol/topics/batch_rules.h"
#include "tests/kafka_protocol/handlers/broker_world.h"
#include "tests/kafka_protocol/topics/stream_batches.h"

namespace thalweg::handlers {
namespace {

using wire::ListOffsetsRequest;
using wire::ListOffsetsResponse;

constexpr int16_t kVersion = 6;

class ListOffsets : public testing::Test {
 protected:
  ListOffsets() { world_.create_topic("t", 1); }

  // A batch whose records have `time`, and whose header says `claimed`.
  void append(base::Timestamp time, base::Timestamp claimed) {
    const StreamId stream = world_.topics().find("t")->stream(0);
    ASSERT_TRUE(world_.run(world_.store().open_for_append({stream})).has_value());
    const topics::StreamBatch batch({.timestamp = time});
    const auto appended = world_.store().append({.stream = stream,
                                                 .payload = batch.bytes(),
                                                 .count = 1,
                                                 .max_timestamp = claimed,
                                                 .match_offset = std::nullopt,
                                                 .fencing_token = std::nullopt});
    ASSERT_TRUE(appended.has_value());
    ASSERT_TRUE(world_.run(world_.store().durable(appended->position)).has_value());
  }
  int64_t offset_at(base::Timestamp time) {
    ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.timestamp = time;
    const ListOffsetsResponse response =
        world_.call<ListOffsetsRequest, ListOffsetsResponse>(request, kVersion);
    EXPECT_EQ(response.topics.front().partitions.front().error_code, wire::KafkaError::kNone);
    return response.topics.front().partitions.front().offset;
  }

  topics::BatchRules rules_;
  BrokerWorld world_{rules_};
};

TEST_F(ListOffsets, ATimeIsLookedForBehindABatchThatOverstatesIts) {
  append(1000, 9000);
  append(2000, 8000);
  append(5000, 5000);
  EXPECT_EQ(offset_at(500), 0);
  EXPECT_EQ(offset_at(1500), 1);
  EXPECT_EQ(offset_at(3000), 2);
  EXPECT_EQ(offset_at(6000), -1);
  ASSERT_TRUE(world_.run(world_.store().offload_all()).has_value());
  EXPECT_EQ(offset_at(3000), 2);
  EXPECT_EQ(offset_at(6000), -1);
}

}  // namespace
}  // namespace thalweg::handlers
