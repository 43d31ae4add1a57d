#include "kafka_protocol/coordinator/offsets_writer.h"

#include <gtest/gtest.h>

#include "tests/kafka_protocol/coordinator/broker.h"

namespace thalweg::coordinator {
namespace {

CoordinatorOptions small_rewrites() {
  CoordinatorOptions options;
  options.rewrite_records_min = 100;
  return options;
}

// `rounds` commits by each of `groups` groups.
void commit_rounds(Broker& broker, int groups, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (int g = 0; g < groups; ++g) {
      Client c(broker);
      c.group = "group-" + std::to_string(g);
      c.commit(round);
    }
    broker.pass(5ms);
  }
}

TEST(Rewrite, KeepsTheLogProportionalToWhatLives) {
  Broker broker(small_rewrites());
  commit_rounds(broker, 10, 500);
  broker.pass(1s);
  EXPECT_GT(broker.coordinator().writer().rewrites(), 10u);
  EXPECT_LE(broker.log.records().size(), 150u);
  EXPECT_GT(broker.log.start(), 4000);
  broker.restart();
  for (int g = 0; g < 10; ++g) {
    Client c(broker);
    c.group = "group-" + std::to_string(g);
    EXPECT_EQ(c.fetch(), 499) << g;
  }
}

TEST(Rewrite, DoesNotRunForLiveRecords) {
  Broker broker(small_rewrites());
  commit_rounds(broker, 300, 1);
  EXPECT_EQ(broker.coordinator().writer().rewrites(), 0u);
}

TEST(Rewrite, KeepsGroupsAndTheirMembers) {
  Broker broker(small_rewrites());
  StablePair pair(broker);
  for (int i = 0; i < 300; ++i) {
    pair.leader.commit(i);
    broker.pass(5ms);
  }
  EXPECT_GT(broker.coordinator().writer().rewrites(), 0u);
  broker.restart();
  EXPECT_EQ(pair.leader.heartbeat(), KafkaError::kNone);
  EXPECT_EQ(pair.leader.fetch(), 299);
}

TEST(Rewrite, RepeatsWhatIsDurableNotAnUnfinishedRebalance) {
  Broker broker(small_rewrites());
  StablePair pair(broker);
  auto a = pair.leader.join();
  auto b = pair.follower.join();
  broker.pass(1ms);
  ASSERT_EQ(broker.state(), "CompletingRebalance");
  commit_rounds(broker, 1, 300);
  ASSERT_GT(broker.coordinator().writer().rewrites(), 0u);
  broker.restart();
  EXPECT_EQ(pair.leader.heartbeat(), KafkaError::kNone);  // generation 1
}

TEST(Rewrite, AFailedTrimIsMadeUpForByTheNext) {
  Broker broker(small_rewrites());
  commit_rounds(broker, 2, 60);
  broker.pass(1s);
  const auto start = broker.log.start();
  commit_rounds(broker, 2, 200);
  EXPECT_GT(broker.log.start(), start);
}

wire::OffsetCommitRequest large_commit(const std::string& metadata) {
  wire::OffsetCommitRequest request;
  request.group_id = "large";
  request.topics.resize(1);
  request.topics[0].name = "t";
  for (int p = 0; p < 1000; ++p) {
    auto& partition = request.topics[0].partitions.emplace_back();
    partition.partition_index = p;
    partition.committed_offset = p;
    partition.committed_metadata = metadata;
  }
  return request;
}

TEST(LargeWrite, IsSplitIntoAppendsOfBoundedSize) {
  Broker broker;
  const std::string metadata(4096, 'x');
  const auto request = large_commit(metadata);
  const auto response = broker.run(broker.coordinator().commit_offsets(request, 8));
  EXPECT_EQ(response.topics[0].partitions.back().error_code, KafkaError::kNone);
  EXPECT_GE(broker.log.appends, 8);
  EXPECT_LE(broker.log.largest_append_bytes, kAppendBytesMax);
}

TEST(LargeWrite, ThatFailsHalfwayIsReadBackFromTheLog) {
  Broker broker;
  const std::string metadata(4096, 'x');
  const auto request = large_commit(metadata);
  broker.log.fail_after = 3;
  const auto response = broker.run(broker.coordinator().commit_offsets(request, 8));
  EXPECT_NE(response.topics[0].partitions[0].error_code, KafkaError::kNone);
  broker.pass(5s);
  const size_t landed = broker.log.records().size();
  ASSERT_GT(landed, 0u);
  ASSERT_LT(landed, 1000u);
  const auto fetched = broker.coordinator().fetch_offsets(
      {.group_id = "large", .member_id = {}, .topics = std::nullopt});
  EXPECT_EQ(fetched.topics.at(0).partitions.size(), landed);
}

// Kills the broker at every step around a rewrite: the state a reader sees never goes back.
TEST(Rewrite, SurvivesACrashAtEveryStep) {
  uint64_t last = 0;
  for (uint64_t crash = 1;; ++crash) {
    Broker broker(small_rewrites());
    commit_rounds(broker, 5, 20);
    broker.pass(50ms);
    const uint64_t before = broker.executor().steps();
    for (int g = 0; g < 5; ++g) {
      Client c(broker);
      c.group = "group-" + std::to_string(g);
      c.commit(1000 + g);
    }
    while (broker.executor().steps() < before + crash &&
           broker.coordinator().writer().rewrites() == 0) {
      broker.executor().step();
    }
    const bool finished = broker.coordinator().writer().rewrites() > 0;
    std::vector<int64_t> seen;
    for (int g = 0; g < 5; ++g) {
      Client c(broker);
      c.group = "group-" + std::to_string(g);
      seen.push_back(c.fetch());
    }
    broker.restart();
    for (int g = 0; g < 5; ++g) {
      Client c(broker);
      c.group = "group-" + std::to_string(g);
      EXPECT_GE(c.fetch(), seen[static_cast<size_t>(g)]) << crash;
    }
    last = crash;
    if (finished) break;
  }
  EXPECT_GT(last, 3u);
}

}  // namespace
}  // namespace thalweg::coordinator
