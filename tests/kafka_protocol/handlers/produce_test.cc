#include "kafka_protocol/handlers/produce.h"

#include <gtest/gtest.h>

#include <utility>

#include "kafka_protocol/topics/batch_rules.h"
#include "kafka_protocol/wire/frame.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "tests/kafka_protocol/handlers/broker_world.h"
#include "tests/kafka_protocol/records/batches.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::handlers {
namespace {

using records::Compression;
using wire::KafkaError;
using wire::ProduceRequest;
using wire::ProduceResponse;

constexpr int16_t kVersion = 12;

class ProduceTest : public testing::Test {
 protected:
  ProduceTest() { world_.create_topic("t", 1); }

  ProduceResponse::Topic::Partition produce(base::ByteView batch, const char* topic = "t",
                                            int32_t partition = 0) {
    ProduceRequest request{.acks = -1, .timeout_ms = 1000};
    request.topic_data.push_back({.name = topic});
    request.topic_data[0].partition_data.push_back({.index = partition, .records = batch});
    const wire::Bytes body = world_.body(request, kVersion);
    const auto answer = world_.run(world_.serve(world_.context<ProduceRequest>(kVersion), body));
    const wire::Bytes frame = answer.frame.flatten();
    const auto header = wire::decode_response_header(base::ByteView(frame).subspan(4),
                                                     ProduceResponse::api, kVersion);
    return wire::decode<ProduceResponse>(header->body, kVersion)
        ->responses[0]
        .partition_responses[0];
  }
  // As sarama wrote it before 2025.
  static std::vector<std::byte> without_max_timestamp(Compression compression) {
    auto batch = records::batch_of({{1000, "a", "1"}, {3000, "b", "2"}, {2000, "c", "3"}},
                                   {.compression = compression});
    records::store_big_endian(int64_t{-1}, batch.data() + records::kMaxTimestampAt);
    records::reseal(batch);
    return batch;
  }
  StreamId stream() { return world_.topics().find("t")->stream(0); }

  topics::BatchRules rules_;
  BrokerWorld world_{rules_};
};

TEST_F(ProduceTest, ABatchWithoutAMaxTimestampGetsThatOfItsRecords) {
  for (const Compression compression : {Compression::kNone, Compression::kLz4}) {
    const auto answer = produce(without_max_timestamp(compression));
    ASSERT_EQ(answer.error_code, KafkaError::kNone);
    EXPECT_EQ(*world_.run(world_.store().max_timestamp(stream())), 3000);
    const Offset base(static_cast<uint64_t>(answer.base_offset));
    const auto read = world_.run(world_.store().read(stream(), base, 1 << 20));
    const auto stored = records::BatchView::parse(read->entries.front().payload.bytes);
    EXPECT_EQ(stored->max_timestamp(), 3000);
    EXPECT_TRUE(stored->crc_matches());
  }
}

TEST_F(ProduceTest, ABatchWithoutAMaxTimestampOutlivesRetention) {
  ASSERT_EQ(produce(without_max_timestamp(Compression::kNone)).error_code, KafkaError::kNone);
  ASSERT_TRUE(world_.run(world_.store().offload_all()).has_value());
  // Older than every timestamp that was not given, younger than the records'.
  const auto kept = world_.run(world_.store().retain(
      stream(), {.max_age_ms = world_.wall_now() - 2500, .max_bytes = std::nullopt}));
  EXPECT_EQ(*kept, Offset(0));
  const auto found = world_.run(world_.store().find_timestamp(stream(), 2500, Offset(0)));
  EXPECT_TRUE(found->has_value());
}

TEST_F(ProduceTest, ALogThatStandsStillIsToldBeforeTheClientGivesUp) {
  const auto batch = records::batch_of({{1000, "a", "1"}}, {});
  ASSERT_EQ(produce(batch).error_code, KafkaError::kNone);
  world_.log().faults.down = true;
  const base::TimePoint asked = world_.executor().now();
  EXPECT_EQ(produce(batch).error_code, KafkaError::kRequestTimedOut);
  EXPECT_LE(world_.executor().now() - asked, std::chrono::seconds(2));
  world_.log().faults.down = false;
  EXPECT_EQ(produce(batch).base_offset, 2);  // what was not durable in time is now
}

TEST_F(ProduceTest, WhereOpeningTakesLongAFirstAppendOpensOtherPartitionsOfTheTopic) {
  constexpr int32_t kPartitions = 1200;
  world_.create_topic("wide", kPartitions);
  const auto batch = records::batch_of({{1000, "a", "1"}}, {});
  const auto opened = [&] {
    int32_t count = 0;
    for (int32_t i = 0; i < kPartitions; ++i) {
      const StreamId stream = world_.topics().find("wide")->stream(i);
      if (world_.store().is_open_for_append(stream)) ++count;
    }
    return count;
  };
  ASSERT_EQ(produce(batch, "wide", 1150).error_code, KafkaError::kNone);
  EXPECT_EQ(opened(), 1);
  world_.settings().partitions_opened_together = 1000;
  ASSERT_EQ(produce(batch, "wide", 1100).error_code, KafkaError::kNone);
  EXPECT_EQ(opened(), 1000);
  ASSERT_EQ(produce(batch, "wide", 900).error_code, KafkaError::kNone);
  EXPECT_EQ(opened(), kPartitions);
}

// A request for topic t, whose log is local, and for x, whose log is express.
class ProduceToTwoLogsTest : public ProduceTest {
 protected:
  ProduceToTwoLogsTest() { world_.create_topic("x", 1, {{"thalweg.storage.class", "express"}}); }

  base::Task<ProduceResponse> produce_both() {
    ProduceRequest request{.acks = -1, .timeout_ms = 1000};
    for (const char* name : {"t", "x"}) {
      request.topic_data.push_back({.name = name});
      request.topic_data.back().partition_data.push_back({.index = 0, .records = batch_});
    }
    return world_.call_task<ProduceRequest, ProduceResponse>(std::move(request), kVersion);
  }
  // Of t and of x.
  std::pair<KafkaError, KafkaError> errors_of_both() {
    const ProduceResponse answer = world_.run(produce_both());
    return {answer.responses[0].partition_responses[0].error_code,
            answer.responses[1].partition_responses[0].error_code};
  }
  static constexpr std::pair kBothTaken{KafkaError::kNone, KafkaError::kNone};

  const std::vector<std::byte> batch_ = records::batch_of({{1000, "a", "1"}}, {});
};

TEST_F(ProduceToTwoLogsTest, ItIsAnsweredOnceBothAreDurable) {
  ASSERT_EQ(errors_of_both(), kBothTaken);
  for (chunk::MemoryReplica* log : {&world_.express_log(), &world_.log()}) {
    log->faults.down = true;
    base::TaskRunner<ProduceResponse> both(produce_both());
    world_.executor().run_for(std::chrono::milliseconds(400));
    EXPECT_FALSE(both.done());
    log->faults.down = false;
    world_.executor().run_for(std::chrono::milliseconds(400));
    ASSERT_TRUE(both.done());
    for (const auto& topic : both.take().responses) {
      EXPECT_EQ(topic.partition_responses[0].error_code, KafkaError::kNone);
    }
  }
}

TEST_F(ProduceToTwoLogsTest, WhatOneLogDoesNotTakeInTimeIsNoFaultOfTheOther) {
  ASSERT_EQ(errors_of_both(), kBothTaken);
  world_.express_log().faults.down = true;
  EXPECT_EQ(errors_of_both(), std::pair(KafkaError::kNone, KafkaError::kRequestTimedOut));
  world_.express_log().faults.down = false;
  world_.log().faults.down = true;
  EXPECT_EQ(errors_of_both(), std::pair(KafkaError::kRequestTimedOut, KafkaError::kNone));
}

TEST_F(ProduceToTwoLogsTest, ALogThatEndedIsTheFaultOfItsPartitionsAlone) {
  ASSERT_EQ(errors_of_both(), kBothTaken);
  world_.express_log().faults.dead = true;
  const std::pair express_lost(KafkaError::kNone, KafkaError::kNotLeaderOrFollower);
  EXPECT_EQ(errors_of_both(), express_lost);  // while it was written
  base::expect_error_line("chunk log: stopped");
  const ProduceResponse answer = world_.run(produce_both());  // known before
  EXPECT_EQ(answer.responses[0].partition_responses[0].error_code, KafkaError::kNone);
  EXPECT_EQ(answer.responses[0].partition_responses[0].base_offset, 2);
  EXPECT_NE(answer.responses[1].partition_responses[0].error_code, KafkaError::kNone);
}

TEST_F(ProduceTest, ACorruptBatchStaysCorruptWithoutAMaxTimestamp) {
  auto batch = without_max_timestamp(Compression::kNone);
  batch.back() ^= std::byte{1};
  EXPECT_EQ(produce(batch).error_code, KafkaError::kCorruptMessage);
}

TEST_F(ProduceTest, ARepeatIsToldTheTimestampOfTheFirst) {
  const auto batch = records::batch_of({{1234, "a", "1"}},
                                       {.producer_id = 5, .producer_epoch = 0, .base_sequence = 0});
  EXPECT_EQ(produce(batch).log_append_time_ms, -1);
  const auto repeated = produce(batch);
  EXPECT_EQ(repeated.error_code, KafkaError::kNone);
  EXPECT_EQ(repeated.base_offset, 0);
  EXPECT_EQ(repeated.log_append_time_ms, 1234);
}

}  // namespace
}  // namespace thalweg::handlers
