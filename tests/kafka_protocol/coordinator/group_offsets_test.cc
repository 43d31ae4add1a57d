#include <gtest/gtest.h>

#include "tests/kafka_protocol/coordinator/broker.h"

namespace thalweg::coordinator {
namespace {

using enum KafkaError;

KafkaError error_of(const Pending<wire::OffsetCommitResponse>& answer) {
  return answer->topics.at(0).partitions.at(0).error_code;
}

wire::OffsetFetchResponse::Group fetch_all(Broker& broker, std::string_view group = "g") {
  return broker.coordinator().fetch_offsets(
      {.group_id = group, .member_id = {}, .topics = std::nullopt});
}

TEST(OffsetCommit, ASimpleConsumerNeedsNoGroup) {  // B41
  Broker broker;
  Client simple(broker);
  auto committed = simple.commit(42);
  EXPECT_FALSE(committed.ready());
  EXPECT_EQ(simple.fetch(), -1);
  broker.pass(10ms);
  EXPECT_EQ(error_of(committed), kNone);
  EXPECT_EQ(simple.fetch(), 42);
  EXPECT_EQ(broker.state(), "Empty");
}

TEST(OffsetCommit, AMemberCommitsInItsGeneration) {  // B41
  Broker broker;
  StablePair pair(broker);
  auto good = pair.follower.commit(7);
  pair.follower.generation = 5;
  EXPECT_EQ(error_of(pair.follower.commit(8)), kIllegalGeneration);
  Client anonymous(broker);
  EXPECT_EQ(error_of(anonymous.commit(9)), kUnknownMemberId);
  anonymous.id = "stranger";
  EXPECT_EQ(error_of(anonymous.commit(9)), kUnknownMemberId);
  broker.pass(10ms);
  EXPECT_EQ(error_of(good), kNone);
  EXPECT_EQ(pair.leader.fetch(), 7);
}

TEST(OffsetCommit, AGenerationOfAnUnknownGroupIsIllegal) {  // B41
  Broker broker;
  Client c(broker);
  c.generation = 3;
  c.id = "m";
  c.version = 8;
  EXPECT_EQ(error_of(c.commit(1)), kIllegalGeneration);
  c.version = 9;
  EXPECT_EQ(error_of(c.commit(1)), kGroupIdNotFound);
  EXPECT_EQ(broker.coordinator().group_count(), 0u);
}

TEST(OffsetCommit, WhileCompletingTheRebalanceIsInProgress) {  // B41
  Broker broker;
  Client c(broker);
  auto joined = c.enter();
  broker.pass(10s);
  c.follow(joined);
  EXPECT_EQ(error_of(c.commit(1)), kRebalanceInProgress);
}

TEST(OffsetCommit, IsAllowedWhilePreparingTheNextRebalance) {  // B41
  Broker broker;
  StablePair pair(broker);
  auto again = pair.leader.join();
  auto committed = pair.follower.commit(5);
  broker.pass(10ms);
  EXPECT_EQ(error_of(committed), kNone);
}

TEST(OffsetCommit, CountsAsAHeartbeat) {  // B41
  Broker broker;
  StablePair pair(broker);
  for (int i = 0; i < 5; ++i) {
    broker.pass(5s);
    auto committed = pair.follower.commit(i);
    broker.pass(10ms);
    EXPECT_EQ(error_of(committed), kNone) << i;
    pair.leader.heartbeat();
  }
}

TEST(OffsetCommit, MetadataRoundTripsUpToItsLimit) {  // B41
  Broker broker;
  Client c(broker);
  const std::string longest(4096, 'm');
  auto good = c.commit(1, "t", longest);
  auto bad = c.commit(2, "t", longest + "m");
  broker.pass(10ms);
  EXPECT_EQ(error_of(good), kNone);
  EXPECT_EQ(error_of(bad), kOffsetMetadataTooLarge);
  const auto fetched = fetch_all(broker);
  EXPECT_EQ(fetched.topics.at(0).partitions.at(0).metadata, longest);
  EXPECT_EQ(fetched.topics.at(0).partitions.at(0).committed_offset, 1);
}

TEST(OffsetCommit, LeaderEpochAndNullMetadataRoundTripThroughARestart) {  // B41
  Broker broker;
  wire::OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.resize(1);
  request.topics[0].name = "t";
  request.topics[0].partitions.push_back({.partition_index = 3,
                                          .committed_offset = 10,
                                          .committed_leader_epoch = 4,
                                          .committed_metadata = std::nullopt});
  broker.run(broker.coordinator().commit_offsets(request, 8));
  broker.restart();
  const auto fetched = fetch_all(broker);
  EXPECT_EQ(fetched.topics.at(0).name, "t");
  const auto& partition = fetched.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.partition_index, 3);
  EXPECT_EQ(partition.committed_offset, 10);
  EXPECT_EQ(partition.committed_leader_epoch, 4);
  EXPECT_EQ(partition.metadata, "");
}

TEST(OffsetCommit, ManyCommitsShareOneAppend) {
  Broker broker;
  std::vector<Pending<wire::OffsetCommitResponse>> answers;
  for (int i = 0; i < 1000; ++i) {
    Client c(broker);
    c.group = "g" + std::to_string(i % 10);
    answers.push_back(c.commit(i));
  }
  broker.pass(10ms);
  for (const auto& answer : answers) EXPECT_EQ(error_of(answer), kNone);
  EXPECT_LE(broker.log.appends, 2);
  EXPECT_EQ(broker.log.records().size(), 1000u);
}

wire::OffsetCommitRequest commit_of(int partitions) {
  wire::OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.resize(1);
  request.topics[0].name = "t";
  for (int p = 0; p < partitions; ++p) {
    request.topics[0].partitions.emplace_back().partition_index = p;
  }
  return request;
}

TEST(OffsetCommit, PastTheQueueLimitCommitsWaitAndAllAreDone) {
  Broker broker;
  const wire::OffsetCommitRequest request = commit_of(15000);
  std::vector<Pending<wire::OffsetCommitResponse>> answers;
  for (int i = 0; i < 10; ++i) {
    answers.emplace_back(broker.requests(), broker.coordinator().commit_offsets(request, 8));
  }
  broker.pass(1s);
  for (const auto& answer : answers) EXPECT_EQ(error_of(answer), kNone);
}

// As Kafka's offsets.commit.timeout.ms: heartbeats wait behind a commit on their connection.
TEST(OffsetCommit, IsAnsweredInTimeWhileTheLogStandsStillAndMayYetTakeEffect) {
  Broker broker;
  Client c(broker);
  broker.log.append_takes = 60s;
  auto late = c.commit(7);
  broker.pass(4900ms);
  EXPECT_FALSE(late.ready());
  broker.pass(200ms);
  EXPECT_EQ(error_of(late), kCoordinatorNotAvailable);
  EXPECT_EQ(c.fetch(), -1);
  broker.pass(60s);
  EXPECT_EQ(c.fetch(), 7);
  broker.log.append_takes = 1ms;
  auto next = c.commit(8);
  broker.pass(10ms);
  EXPECT_EQ(error_of(next), kNone);
}

TEST(OffsetCommit, PastTheQueueLimitIsAnsweredInTimeToo) {
  Broker broker;
  const wire::OffsetCommitRequest request = commit_of(60000);
  broker.log.append_takes = 20s;
  const auto commit = [&] {
    return Pending<wire::OffsetCommitResponse>(broker.requests(),
                                               broker.coordinator().commit_offsets(request, 8));
  };
  const auto first = commit();
  const auto second = commit();  // waits for room, and has none in time
  broker.pass(6s);
  EXPECT_EQ(error_of(first), kCoordinatorNotAvailable);
  EXPECT_EQ(error_of(second), kCoordinatorNotAvailable);
  broker.log.append_takes = 1ms;
  broker.pass(200s);
  const auto third = commit();  // the room came back, of the one that was late too
  broker.pass(1s);
  EXPECT_EQ(error_of(third), kNone);
}

TEST(OffsetCommit, ARefusedWriteLeavesTheOldOffset) {
  Broker broker;
  Client c(broker);
  c.commit(1);
  broker.pass(10ms);
  broker.log.fail_next = base::ErrorCode::kNoSpace;
  auto failed = c.commit(2);
  broker.pass(10ms);
  EXPECT_EQ(error_of(failed), kCoordinatorNotAvailable);
  EXPECT_EQ(c.fetch(), 1);
  auto later = c.commit(3);
  broker.pass(10ms);
  EXPECT_EQ(error_of(later), kNone);
}

TEST(OffsetCommit, RetentionOfOldRequestsIsKept) {
  Broker broker;
  wire::OffsetCommitRequest request;
  request.group_id = "g";
  request.retention_time_ms = 1000;
  request.topics.resize(1);
  request.topics[0].name = "t";
  request.topics[0].partitions.resize(1);
  broker.run(broker.coordinator().commit_offsets(request, 2));
  broker.restart();
  EXPECT_EQ(fetch_all(broker).topics.size(), 1u);
  broker.pass(601s);
  EXPECT_TRUE(fetch_all(broker).topics.empty());
}

TEST(OffsetFetch, NothingCommittedIsNotAnError) {  // B42
  Broker broker;
  wire::OffsetFetchRequest::Group request{.group_id = "unknown", .member_id = {}, .topics = {}};
  request.topics.emplace();
  request.topics->push_back({.name = "t", .topic_id = {}, .partition_indexes = {0, 5}});
  const auto fetched = broker.coordinator().fetch_offsets(request);
  EXPECT_EQ(fetched.error_code, kNone);
  ASSERT_EQ(fetched.topics.at(0).partitions.size(), 2u);
  for (const auto& partition : fetched.topics[0].partitions) {
    EXPECT_EQ(partition.committed_offset, -1);
    EXPECT_EQ(partition.committed_leader_epoch, -1);
    EXPECT_EQ(partition.metadata, "");
    EXPECT_EQ(partition.error_code, kNone);
  }
}

TEST(OffsetFetch, NullTopicsMeanAll) {  // B42
  Broker broker;
  Client c(broker);
  c.commit(1, "a");
  c.commit(2, "b");
  broker.pass(10ms);
  const auto fetched = fetch_all(broker);
  ASSERT_EQ(fetched.topics.size(), 2u);
  EXPECT_EQ(fetched.topics[0].name, "a");
  EXPECT_EQ(fetched.topics[1].partitions.at(0).committed_offset, 2);
  EXPECT_TRUE(fetch_all(broker, "unknown").topics.empty());
}

TEST(OffsetExpiry, StartsWhenTheGroupBecomesEmpty) {  // B43
  Broker broker;
  StablePair pair(broker);
  auto committed = pair.leader.commit(5);
  for (int day = 0; day < 8; ++day) {
    for (int i = 0; i < 2 * 86400 / 1800; ++i) {
      broker.pass(900s);
      // Sessions are kept alive by hand: a member is there all the time.
      if (broker.state() != "Stable") break;
    }
    if (broker.state() != "Stable") break;
  }
  ASSERT_EQ(broker.state(), "Empty");
  broker.pass(6 * 24h);
  EXPECT_EQ(pair.leader.fetch(), 5);
  broker.pass(25h);
  EXPECT_EQ(pair.leader.fetch(), -1);
  EXPECT_EQ(broker.state(), "Dead");
  broker.restart();
  EXPECT_EQ(broker.coordinator().group_count(), 0u);
}

TEST(OffsetExpiry, OfASimpleConsumerStartsWithTheCommit) {  // B43
  Broker broker;
  Client c(broker);
  c.commit(1, "old");
  broker.pass(4 * 24h);
  c.commit(2, "new");
  broker.pass(4 * 24h);
  EXPECT_EQ(c.fetch("old"), -1);
  EXPECT_EQ(c.fetch("new"), 2);
}

TEST(OffsetExpiry, AnActiveGroupKeepsWhatItSubscribesTo) {  // B43
  Broker broker;
  Client c(broker);
  c.session_timeout_ms = 1800000;
  c.metadata = std::string("\0\3\0\0\0\1\0\4kept\xff\xff\xff\xff", 16);
  auto joined = c.enter();
  broker.pass(10s);
  c.follow(joined);
  c.sync({{c.id, "all"}});
  broker.pass(10ms);
  c.commit(1, "kept");
  c.commit(2, "left");
  for (int i = 0; i < 8 * 24 * 3; ++i) {
    broker.pass(1200s);
    ASSERT_EQ(c.heartbeat(), kNone);
  }
  EXPECT_EQ(c.fetch("kept"), 1);
  EXPECT_EQ(c.fetch("left"), -1);
}

TEST(TopicDeletion, DoesNotWaitForWhatIsWrittenAfterIt) {  // B43
  Broker broker;
  Client busy(broker);
  busy.commit(1, "gone");
  std::optional<KafkaError> deleted;
  broker.requests().spawn([](Broker& b, auto& out) -> base::Task<void> {
    out = co_await b.coordinator().on_topic_deleted("gone", {});
  }(broker, deleted));
  // There is always a commit of the group on its way.
  for (int i = 0; i < 20; ++i) {
    busy.commit(i, "kept");
    broker.pass(broker.log.append_takes / 2);
  }
  EXPECT_TRUE(deleted.has_value());
  EXPECT_EQ(busy.fetch("gone"), -1);
}

TEST(TopicDeletion, KeepsTheOffsetsOfANewTopicOfThatName) {  // B43
  Broker broker;
  Client c(broker);
  c.topic_id = {1, 1};
  c.commit(1, "t");
  broker.pass(10ms);
  EXPECT_EQ(broker.run(broker.coordinator().on_topic_deleted("t", {2, 2})), kNone);
  EXPECT_EQ(c.fetch("t"), 1);
  EXPECT_EQ(broker.run(broker.coordinator().on_topic_deleted("t", {1, 1})), kNone);
  EXPECT_EQ(c.fetch("t"), -1);
}

TEST(TopicDeletion, RemovesItsOffsetsFromEveryGroup) {  // B43
  Broker broker;
  Client a(broker);
  Client b(broker);
  b.group = "other";
  a.commit(1, "gone");
  a.commit(2, "kept");
  b.commit(3, "gone");  // still on its way when the topic is deleted
  EXPECT_EQ(broker.run(broker.coordinator().on_topic_deleted("gone", {})), kNone);
  EXPECT_EQ(a.fetch("gone"), -1);
  EXPECT_EQ(a.fetch("kept"), 2);
  EXPECT_EQ(b.fetch("gone"), -1);
  broker.restart();
  EXPECT_EQ(a.fetch("gone"), -1);
  EXPECT_EQ(a.fetch("kept"), 2);
  EXPECT_EQ(b.fetch("gone"), -1);
}

TEST(DeleteGroup, OnlyAnEmptyOneThatExists) {  // B43
  Broker broker;
  StablePair pair(broker);
  pair.leader.commit(1);
  broker.pass(10ms);
  auto& coordinator = broker.coordinator();
  EXPECT_EQ(broker.run(coordinator.delete_group("unknown")).error_code, kGroupIdNotFound);
  EXPECT_EQ(broker.run(coordinator.delete_group("g")).error_code, kNonEmptyGroup);
  pair.leader.leave();
  pair.follower.leave();
  broker.pass(10ms);
  EXPECT_EQ(broker.run(coordinator.delete_group("g")).error_code, kNone);
  EXPECT_EQ(pair.leader.fetch(), -1);
  EXPECT_EQ(coordinator.group_count(), 0u);
  EXPECT_EQ(broker.run(coordinator.delete_group("g")).error_code, kGroupIdNotFound);
  broker.restart();
  EXPECT_EQ(broker.coordinator().group_count(), 0u);
}

TEST(DeleteGroup, TakesACommitThatIsOnItsWayWithIt) {
  Broker broker;
  Client c(broker);
  c.commit(1, "a");
  broker.pass(10ms);
  auto late = c.commit(2, "b");
  EXPECT_EQ(broker.run(broker.coordinator().delete_group("g")).error_code, kNone);
  EXPECT_EQ(error_of(late), kNone);
  broker.restart();
  EXPECT_EQ(c.fetch("b"), -1);
}

TEST(DeleteGroup, ThatCannotBeWrittenLeavesTheGroup) {
  Broker broker;
  Client c(broker);
  c.commit(1);
  broker.pass(10ms);
  broker.log.fail_next = base::ErrorCode::kNoSpace;
  EXPECT_EQ(broker.run(broker.coordinator().delete_group("g")).error_code,
            kCoordinatorNotAvailable);
  EXPECT_EQ(c.fetch(), 1);
  EXPECT_EQ(broker.state(), "Empty");
  auto joined = c.enter();
  broker.pass(10s);
  EXPECT_EQ(joined->error_code, kNone);
}

}  // namespace
}  // namespace thalweg::coordinator
