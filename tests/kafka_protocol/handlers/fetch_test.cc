#include "kafka_protocol/handlers/fetch.h"

#include <gtest/gtest.h>

#include "kafka_protocol/topics/batch_rules.h"
#include "kafka_protocol/wire/frame.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "tests/kafka_protocol/handlers/broker_world.h"
#include "tests/kafka_protocol/topics/stream_batches.h"

namespace thalweg::handlers {
namespace {

using wire::FetchRequest;
using wire::FetchResponse;
using wire::KafkaError;
using wire::ProduceRequest;

constexpr int16_t kFetchVersion = 16;

class FetchTest : public testing::Test {
 protected:
  FetchTest() {
    world_.create_topic("one", 1);
    world_.create_topic("many", 10);
  }

  wire::Bytes produce_body(std::string_view topic, int32_t partition, int count) {
    const topics::StreamBatch batch({.count = count});
    ProduceRequest request{.acks = -1, .timeout_ms = 1000};
    request.topic_data.push_back({.name = topic});
    request.topic_data[0].partition_data.push_back({.index = partition, .records = batch.bytes()});
    return world_.body(request, 12);
  }
  // Returns the size of the batch.
  size_t produce(std::string_view topic, int32_t partition, int count = 1) {
    const wire::Bytes body = produce_body(topic, partition, count);
    (void)world_.run(world_.serve(world_.context<ProduceRequest>(12), body));
    return topics::StreamBatch({.count = count}).bytes().size();
  }

  FetchRequest asking(std::string_view topic, int32_t partitions) {
    FetchRequest request{.max_wait_ms = 0, .min_bytes = 1, .max_bytes = 1 << 20};
    request.topics.push_back({.topic_id = world_.topics().find(topic)->id()});
    for (int32_t i = 0; i < partitions; ++i) {
      request.topics[0].partitions.push_back({.partition = i, .partition_max_bytes = 1 << 20});
    }
    return request;
  }
  FetchResponse fetch(const FetchRequest& request) {
    const wire::Bytes body = world_.body(request, kFetchVersion);
    return decoded(world_.run(world_.serve(world_.context<FetchRequest>(kFetchVersion), body)));
  }
  FetchResponse decoded(const server::Response& response) {
    frame_ = response.frame.flatten();
    const auto header = wire::decode_response_header(base::ByteView(frame_).subspan(4),
                                                     FetchResponse::api, kFetchVersion);
    return *wire::decode<FetchResponse>(header->body, kFetchVersion);
  }
  static size_t bytes(const FetchResponse& response, size_t partition) {
    return response.responses[0].partitions[partition].records->size_bytes();
  }

  // Fetches, and produces to `partitions` in turn while it waits, 10 ms apart.
  struct Waited {
    FetchResponse response;
    base::Duration time;
  };
  Waited fetch_while_producing(const FetchRequest& request, std::vector<int32_t> partitions) {
    const wire::Bytes body = world_.body(request, kFetchVersion);
    std::optional<server::Response> answer;
    base::TaskGroup group(world_.executor());
    const base::TimePoint began = world_.executor().now();
    base::TimePoint ended = began;
    group.spawn(keep(body, answer, ended));
    for (const int32_t partition : partitions) {
      world_.run(pause(std::chrono::milliseconds(10)));
      EXPECT_FALSE(answer.has_value());
      produce("many", partition);
    }
    world_.run(group.stop_and_join());
    return {decoded(*answer), ended - began};
  }
  base::Task<void> keep(const wire::Bytes& body, std::optional<server::Response>& answer,
                        base::TimePoint& ended) {
    answer = co_await world_.serve(world_.context<FetchRequest>(kFetchVersion), body);
    ended = world_.executor().now();
  }
  base::Task<void> pause(base::Duration time) { co_await base::sleep_for(world_.executor(), time); }

  topics::BatchRules rules_;
  BrokerWorld world_{rules_};
  wire::Bytes frame_;
};

TEST_F(FetchTest, MinBytesAboveMaxBytesMeansMaxBytes) {
  const size_t size = produce("one", 0);
  FetchRequest request = asking("one", 1);
  request.min_bytes = 1 << 30;
  request.max_bytes = static_cast<int32_t>(size);
  request.max_wait_ms = 1000;
  const base::TimePoint began = world_.executor().now();
  EXPECT_EQ(bytes(fetch(request), 0), size);
  EXPECT_LT(world_.executor().now() - began, std::chrono::milliseconds(100));
}

TEST_F(FetchTest, ABatchThatDoesNotFitEndsTheAnswer) {
  const size_t small = produce("many", 0);
  produce("many", 1, 100);
  produce("many", 2);
  FetchRequest request = asking("many", 3);
  request.max_bytes = static_cast<int32_t>(3 * small);
  const FetchResponse answer = fetch(request);
  EXPECT_EQ(bytes(answer, 0), small);
  EXPECT_EQ(bytes(answer, 1), 0u);
  EXPECT_EQ(bytes(answer, 2), 0u);
  EXPECT_EQ(answer.responses[0].partitions[2].high_watermark, 1);
}

TEST_F(FetchTest, ABatchAboveItsPartitionsLimitDoesNotKeepOthersOut) {
  const size_t small = produce("many", 0);
  produce("many", 1, 100);
  produce("many", 2);
  FetchRequest request = asking("many", 3);
  request.topics[0].partitions[1].partition_max_bytes = static_cast<int32_t>(small);
  const FetchResponse answer = fetch(request);
  EXPECT_EQ(bytes(answer, 1), 0u);
  EXPECT_EQ(bytes(answer, 2), small);
}

TEST_F(FetchTest, AWaitingFetchGathersFromWhatMovesUntilItHasEnough) {
  const size_t size = topics::StreamBatch({}).bytes().size();
  FetchRequest request = asking("many", 10);
  request.max_wait_ms = 10'000;
  request.min_bytes = static_cast<int32_t>(3 * size);
  const Waited waited = fetch_while_producing(request, {4, 7, 4});
  EXPECT_LT(waited.time, std::chrono::milliseconds(1000));
  EXPECT_EQ(bytes(waited.response, 4), 2 * size);
  EXPECT_EQ(bytes(waited.response, 7), size);
  EXPECT_EQ(bytes(waited.response, 0), 0u);
  EXPECT_EQ(waited.response.responses[0].partitions[4].high_watermark, 2);
}

TEST_F(FetchTest, AWaitingFetchAnswersWithWhatItHasAtTheDeadline) {
  FetchRequest request = asking("many", 10);
  request.max_wait_ms = 500;
  request.min_bytes = 1 << 20;
  const Waited waited = fetch_while_producing(request, {2});
  EXPECT_GE(waited.time, std::chrono::milliseconds(500));
  EXPECT_EQ(bytes(waited.response, 2), topics::StreamBatch({}).bytes().size());
}

TEST_F(FetchTest, APartitionAskedTwiceIsAnsweredTwice) {
  FetchRequest request = asking("many", 2);
  request.topics[0].partitions[1].partition = 0;
  request.max_wait_ms = 1000;
  const Waited waited = fetch_while_producing(request, {0});
  EXPECT_GT(bytes(waited.response, 0), 0u);
  EXPECT_GT(bytes(waited.response, 1), 0u);
}

TEST_F(FetchTest, AFencedEpochIsToldWhoLeads) {  // KIP-951
  produce("one", 0);
  FetchRequest request = asking("one", 1);
  request.topics[0].partitions[0].current_leader_epoch =
      world_.store().channel_leader_epoch(ChannelId(0)).value - 1;
  const FetchResponse answer = fetch(request);
  EXPECT_EQ(answer.responses[0].partitions[0].error_code, KafkaError::kFencedLeaderEpoch);
  EXPECT_EQ(answer.responses[0].partitions[0].current_leader.leader_id, 1);
  EXPECT_EQ(answer.responses[0].partitions[0].current_leader.leader_epoch,
            world_.store().channel_leader_epoch(ChannelId(0)).value);
  ASSERT_EQ(answer.node_endpoints.size(), 1u);
  EXPECT_EQ(answer.node_endpoints[0].node_id, 1);
}

TEST_F(FetchTest, AnEpochThatEndedBeforeTheOffsetDiverges) {  // B30
  produce("one", 0);
  const int32_t epoch = world_.store().channel_leader_epoch(ChannelId(0)).value;
  FetchRequest request = asking("one", 1);
  auto& asked = request.topics[0].partitions[0];
  asked.fetch_offset = 1;
  asked.last_fetched_epoch = epoch;
  EXPECT_EQ(fetch(request).responses[0].partitions[0].diverging_epoch.epoch, -1);
  asked.last_fetched_epoch = epoch - 1;  // which wrote nothing
  const auto diverged = fetch(request).responses[0].partitions[0];
  EXPECT_EQ(diverged.error_code, KafkaError::kNone);
  EXPECT_EQ(diverged.records->size_bytes(), 0u);
  EXPECT_EQ(diverged.diverging_epoch.end_offset, 0);
  asked.last_fetched_epoch = epoch + 1;
  EXPECT_EQ(fetch(request).responses[0].partitions[0].error_code, KafkaError::kOffsetOutOfRange);
}

}  // namespace
}  // namespace thalweg::handlers
