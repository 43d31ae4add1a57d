#include "kafka_protocol/coordinator/group_coordinator.h"

#include <gtest/gtest.h>

#include "tests/kafka_protocol/coordinator/broker.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::coordinator {
namespace {

using enum KafkaError;

TEST(OffsetsPartition, IsTheHashOfJavaStrings) {
  EXPECT_EQ(offsets_partition_of("", 50), 0);
  EXPECT_EQ(offsets_partition_of("test-group", 50), 12);
  EXPECT_EQ(offsets_partition_of("console-consumer-12345", 50), 6);
  EXPECT_EQ(offsets_partition_of("consumer-group-\u00fc", 50), 23);
}

TEST(Pending, OfMembersThatNeverComeBackTheOldestAreForgotten) {
  Broker broker;
  Client first(broker);
  first.group = "first";
  first.id = first.join()->member_id;
  for (size_t i = 0; i < kPendingMembersMax; ++i) {
    Client stranger(broker);
    stranger.group = "g" + std::to_string(i);
    EXPECT_EQ(stranger.join()->error_code, kMemberIdRequired);
  }
  EXPECT_EQ(broker.coordinator().group_count(), kPendingMembersMax);
  EXPECT_EQ(first.join()->error_code, kUnknownMemberId);
}

TEST(Pending, LongIdsTakeNoMoreMemoryThanManyShortOnes) {
  Broker broker;
  Client stranger(broker);
  stranger.client_id = "x" + std::string(30000, '\xc3');
  for (size_t i = 1; i < stranger.client_id.size(); i += 2) stranger.client_id[i] = '\xbc';
  const auto told = stranger.join();
  EXPECT_LE(told->member_id.size(), kMemberIdPrefixMax + 37);
  for (int i = 0; i < 1000; ++i) {
    stranger.group = std::string(30000, 'g') + std::to_string(i);
    EXPECT_EQ(stranger.join()->error_code, kMemberIdRequired);
  }
  EXPECT_LE(broker.coordinator().group_count() * 30000, kPendingBytesMax);
  stranger.id = stranger.join()->member_id;
  auto joined = stranger.join();
  broker.pass(10s);
  EXPECT_EQ(joined->error_code, kNone);
}

TEST(Pending, ThatIsForgottenIsNotWaitedFor) {
  Broker broker;
  StablePair pair(broker);
  Client stranger(broker);
  stranger.join();
  auto a = pair.leader.join();  // the leader's join starts a rebalance
  auto b = pair.follower.join();
  broker.pass(10ms);
  EXPECT_FALSE(a.ready());
  for (size_t i = 0; i < kPendingMembersMax; ++i) {
    Client other(broker);
    other.group = "other";
    other.join();
  }
  broker.pass(10ms);
  EXPECT_TRUE(a.ready() && b.ready());
}

TEST(Describe, AnUnknownGroupIsDeadAndFromVersion6NotFound) {  // B44
  Broker broker;
  const auto old = broker.coordinator().describe_group("unknown", 5);
  EXPECT_EQ(old.error_code, kNone);
  EXPECT_EQ(old.group_state, "Dead");
  const auto fresh = broker.coordinator().describe_group("unknown", 6);
  EXPECT_EQ(fresh.error_code, kGroupIdNotFound);
  EXPECT_EQ(fresh.group_state, "Dead");
  EXPECT_TRUE(fresh.error_message.has_value());
}

TEST(Describe, ShowsMembersAndInStableTheirAssignments) {  // B44
  Broker broker;
  StablePair pair(broker);
  auto described = broker.coordinator().describe_group("g", 5);
  EXPECT_EQ(described.group_state, "Stable");
  EXPECT_EQ(described.protocol_type, "consumer");
  EXPECT_EQ(described.protocol_data, "range");
  ASSERT_EQ(described.members.size(), 2u);
  EXPECT_EQ(described.members[0].client_id, "client");
  EXPECT_EQ(described.members[0].client_host, "/host");
  const auto& leader = described.members[0].member_id == pair.leader.id ? described.members[0]
                                                                        : described.members[1];
  EXPECT_EQ(text(leader.member_assignment), "L");
  EXPECT_EQ(text(leader.member_metadata), "subscription");
  auto again = pair.leader.join();
  described = broker.coordinator().describe_group("g", 5);
  EXPECT_EQ(described.group_state, "PreparingRebalance");
  EXPECT_EQ(described.protocol_data, "");
  EXPECT_TRUE(described.members[0].member_assignment.empty());
}

TEST(ListGroups, FiltersByStateAndType) {  // B44
  Broker broker;
  StablePair pair(broker);
  Client simple(broker);
  simple.group = "simple";
  simple.commit(1);
  broker.pass(10ms);
  const auto listed = [&](std::vector<std::string_view> states,
                          std::vector<std::string_view> types) {
    std::vector<wire::ListGroupsResponse::Group> out;
    EXPECT_EQ(broker.coordinator().list_groups({states, types}, out), kNone);
    std::string names;
    for (const auto& g : out) names += g.group_id + "/" + g.group_state + "/" + g.group_type + " ";
    return names;
  };
  EXPECT_EQ(listed({}, {}), "g/Stable/classic simple/Empty/classic ");
  EXPECT_EQ(listed({"stable"}, {}), "g/Stable/classic ");
  EXPECT_EQ(listed({"Empty", "Dead"}, {"Classic"}), "simple/Empty/classic ");
  EXPECT_EQ(listed({}, {"consumer"}), "");
}

TEST(Loading, TellsClientsToWaitButThrowsNobodyOut) {  // B36
  sim::SimExecutor executor;
  sim::SimClock clock{executor};
  base::SeededRandom random{1};
  MemoryLog log{executor};
  GroupCoordinator coordinator({executor, clock, random, log}, {});
  wire::JoinGroupRequest join;
  join.group_id = "g";
  join.session_timeout_ms = 10000;
  EXPECT_EQ(sim::run(executor, coordinator.join_group({}, join)).error_code,
            kCoordinatorLoadInProgress);
  wire::SyncGroupRequest sync;
  sync.group_id = "g";
  EXPECT_EQ(sim::run(executor, coordinator.sync_group(sync)).error_code, kRebalanceInProgress);
  EXPECT_EQ(coordinator.heartbeat({"g", 1, "m", std::nullopt}).error_code, kNone);
  EXPECT_EQ(coordinator.fetch_offsets({.group_id = "g", .member_id = {}, .topics = {}}).error_code,
            kCoordinatorLoadInProgress);
  EXPECT_EQ(coordinator.describe_group("g", 5).error_code, kCoordinatorLoadInProgress);
  std::vector<wire::ListGroupsResponse::Group> out;
  EXPECT_EQ(coordinator.list_groups({}, out), kCoordinatorLoadInProgress);
  EXPECT_EQ(sim::run(executor, coordinator.delete_group("g")).error_code,
            kCoordinatorLoadInProgress);
}

TEST(Loading, MayBeTriedAgainAfterAFailure) {
  sim::SimExecutor executor;
  sim::SimClock clock{executor};
  base::SeededRandom random{1};
  MemoryLog log{executor};
  GroupCoordinator coordinator({executor, clock, random, log}, {});
  log.fail_replay = base::ErrorCode::kUnavailable;
  EXPECT_FALSE(sim::run(executor, coordinator.load()).has_value());
  EXPECT_TRUE(sim::run(executor, coordinator.load()).has_value());
}

TEST(Loading, ARecordThatCannotBeReadIsPassedOver) {
  Broker broker;
  Client c(broker);
  c.commit(7);
  broker.pass(10ms);
  const auto put = [&](wire::Bytes key, std::optional<wire::Bytes> value) {
    std::vector<KeyValueRecord> records;
    records.push_back({std::move(key), std::move(value), 0});
    CHECK(broker.run(broker.log.append(std::move(records))).has_value());
  };
  const wire::Bytes junk = {std::byte{'x'}};
  put(junk, junk);                                              // not even a key
  put(encode_key(OffsetCommitKey{"g", "t", 1}), junk);          // an offset
  put(encode_key(GroupMetadataKey{"g"}), junk);                 // a group
  put(encode_key(OffsetCommitKey{"g", "t", 2}), std::nullopt);  // fine
  broker.restart();
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kError, "passed over"), 3);
  EXPECT_EQ(c.fetch(), 7);
  auto joined = c.enter();
  broker.pass(10s);
  EXPECT_EQ(joined->error_code, kNone);
}

TEST(Loading, RecordsOfOtherKindsAreSkipped) {
  Broker broker;
  std::vector<KeyValueRecord> records;
  records.push_back({{std::byte{0}, std::byte{3}, std::byte{9}}, wire::Bytes(3), 0});
  ASSERT_TRUE(broker.run(broker.log.append(std::move(records))).has_value());
  broker.restart();
  EXPECT_EQ(broker.coordinator().group_count(), 0u);
}

TEST(BrokenLog, IsReadAgainAndShowsWhatHadLanded) {
  for (const bool landed : {false, true}) {
    Broker broker;
    Client c(broker);
    c.commit(1);
    broker.pass(10ms);
    broker.log.fail_next = base::ErrorCode::kUnknownOutcome;
    broker.log.lands_all_the_same = landed;
    auto unknown = c.commit(2);
    auto queued = c.commit(3, "other");
    broker.pass(10ms);
    EXPECT_NE(unknown->topics[0].partitions[0].error_code, kNone);
    EXPECT_EQ(c.commit(4)->topics[0].partitions[0].error_code, kCoordinatorLoadInProgress);
    broker.pass(10s);
    EXPECT_EQ(c.fetch(), landed ? 2 : 1);
    auto later = c.commit(5);
    broker.pass(10ms);
    EXPECT_EQ(later->topics[0].partitions[0].error_code, kNone);
  }
}

TEST(BrokenLog, KeepsTryingUntilItCanBeRead) {
  Broker broker;
  StablePair pair(broker);
  broker.log.fail_next = base::ErrorCode::kUnknownOutcome;
  broker.log.fail_replay = base::ErrorCode::kUnavailable;
  auto failed = pair.leader.commit(1);
  broker.pass(5s);
  EXPECT_EQ(pair.leader.heartbeat(), kNone);
  EXPECT_EQ(broker.state(), "Stable");
}

TEST(BrokenLog, WaitingMembersAreSentAway) {
  Broker broker;
  StablePair pair(broker);
  auto waiting = pair.leader.join();
  broker.log.fail_next = base::ErrorCode::kFenced;
  auto committed = pair.follower.commit(1);
  broker.pass(10ms);
  EXPECT_EQ(waiting->error_code, kNotCoordinator);
  EXPECT_EQ(committed->topics[0].partitions[0].error_code, kNotCoordinator);
  EXPECT_TRUE(broker.coordinator().lost());
  EXPECT_EQ(pair.follower.heartbeat(), kNotCoordinator);
  EXPECT_EQ(pair.follower.join()->error_code, kNotCoordinator);
}

TEST(Stopping, AnswersWhatWaits) {
  Broker broker;
  StablePair pair(broker);
  auto waiting = pair.leader.join();
  auto committed = pair.follower.commit(1);
  broker.run(broker.coordinator().stop());
  broker.pass(10ms);
  EXPECT_EQ(waiting->error_code, kNotCoordinator);
  ASSERT_TRUE(committed.ready());
  EXPECT_EQ(pair.follower.commit(2)->topics[0].partitions[0].error_code, kNotCoordinator);
}

TEST(Stopping, DoesNotWaitForAnExpiryThatCanNoLongerBeWritten) {
  CoordinatorOptions options;
  options.offsets_retention_ms = 1000;
  Broker broker(options);
  for (int g = 0; g < 5; ++g) {
    Client c(broker);
    c.group = "g" + std::to_string(g);
    c.commit(1);
  }
  broker.pass(599s);
  broker.log.append_takes = 100ms;
  broker.pass(1050ms);  // the first group's tombstones are on their way
  ASSERT_EQ(broker.coordinator().group_count(), 5u);
  broker.run(broker.coordinator().stop());
  EXPECT_TRUE(broker.coordinator().lost());
}

// Two hundred random runs: members join, sync, commit and leave, the log fails at times, the broker
// is killed at times. A commit that was answered is never lost or older than what is fetched later.
TEST(Simulation, AnAnsweredCommitIsNeverLost) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    base::SeededRandom random(seed);
    CoordinatorOptions options;
    options.rewrite_records_min = 20;
    Broker broker(options);
    broker.log.append_takes = std::chrono::milliseconds(1 + random.below(20));
    int64_t next = 0;
    int64_t answered = -1;
    std::vector<std::pair<int64_t, Pending<wire::OffsetCommitResponse>>> open;
    const auto look = [&] {
      std::erase_if(open, [&](const auto& entry) {
        if (!entry.second.ready()) return false;
        if (entry.second->topics[0].partitions[0].error_code == kNone) {
          answered = std::max(answered, entry.first);
        }
        return true;
      });
    };
    for (int step = 0; step < 150; ++step) {
      Client c(broker);
      open.emplace_back(next, c.commit(next));
      ++next;
      Client other(broker);
      other.group = "g" + std::to_string(random.below(5));
      other.commit(step, "t" + std::to_string(random.below(5)));
      broker.pass(std::chrono::milliseconds(random.below(30)));
      look();
      if (random.below(30) == 0) {
        broker.log.lands_all_the_same = random.below(2) == 0;
        broker.log.fail_next =
            random.below(2) == 0 ? base::ErrorCode::kUnknownOutcome : base::ErrorCode::kNoSpace;
      }
      if (random.below(40) == 0) {
        open.clear();
        broker.restart();
        EXPECT_GE(c.fetch(), answered) << seed;
      }
    }
    broker.pass(30s);
    look();
    EXPECT_GE(Client(broker).fetch(), answered) << seed;
    const auto before = broker.log.compacted();
    broker.restart();
    EXPECT_GE(Client(broker).fetch(), answered) << seed;
    EXPECT_EQ(broker.log.compacted(), before) << seed;
  }
}

}  // namespace
}  // namespace thalweg::coordinator
