// Static membership (KIP-345, KIP-814): B40.
#include <gtest/gtest.h>

#include "tests/kafka_protocol/coordinator/broker.h"

namespace thalweg::coordinator {
namespace {

using enum KafkaError;

// Two static members, "i1" and "i2", Stable.
struct StaticPair {
  explicit StaticPair(Broker& broker) : leader(broker), follower(broker) {
    leader.instance = "i1";
    follower.instance = "i2";
    auto a = leader.join();
    auto b = follower.join();
    broker.pass(10s);
    leader.follow(a);
    follower.follow(b);
    if (a->leader != leader.id) std::swap(leader, follower);
    auto s = leader.sync({{leader.id, "L"}, {follower.id, "F"}});
    auto t = follower.sync();
    broker.pass(10ms);
    CHECK(t->error_code == kNone);
  }
  Client leader;
  Client follower;
};

Client restarted(const Client& old) {
  Client fresh = old;
  fresh.id.clear();
  fresh.generation = -1;
  return fresh;
}

TEST(StaticMember, NeedsNoSecondJoinToEnter) {
  Broker broker;
  Client c(broker);
  c.instance = "i1";
  auto joined = c.join();
  broker.pass(10s);
  EXPECT_EQ(joined->error_code, kNone);
  EXPECT_TRUE(joined->member_id.starts_with("i1-"));
}

TEST(StaticMember, ComesBackWithoutARebalance) {
  Broker broker;
  StaticPair pair(broker);
  Client fresh = restarted(pair.follower);
  auto joined = fresh.join();
  broker.pass(10ms);
  EXPECT_EQ(joined->error_code, kNone);
  EXPECT_EQ(joined->generation_id, 1);
  EXPECT_NE(joined->member_id, pair.follower.id);
  EXPECT_FALSE(joined->skip_assignment);
  EXPECT_EQ(pair.leader.heartbeat(), kNone);
  fresh.follow(joined);
  auto synced = fresh.sync();
  broker.pass(1ms);
  EXPECT_EQ(text(synced->assignment), "F");
}

TEST(StaticMember, TheReplacedMemberIsFencedOnEveryCall) {
  Broker broker;
  StaticPair pair(broker);
  auto joined = restarted(pair.follower).join();
  broker.pass(10ms);
  EXPECT_EQ(pair.follower.heartbeat(), kFencedInstanceId);
  EXPECT_EQ(pair.follower.join()->error_code, kFencedInstanceId);
  EXPECT_EQ(pair.follower.sync()->error_code, kFencedInstanceId);
  EXPECT_EQ(pair.follower.leave()->members.at(0).error_code, kFencedInstanceId);
  auto committed = pair.follower.commit(5);
  EXPECT_EQ(committed->topics[0].partitions[0].error_code, kFencedInstanceId);
}

TEST(StaticMember, AWaitingRequestOfTheReplacedMemberIsFenced) {
  Broker broker;
  StaticPair pair(broker);
  auto led = pair.leader.join();
  auto waiting = pair.follower.join();
  broker.pass(1ms);
  Client third(broker);
  third.instance = "i3";
  auto joins = third.join();
  auto stuck = pair.leader.join();
  auto fresh = restarted(pair.leader).join();
  broker.pass(1ms);
  EXPECT_EQ(stuck->error_code, kFencedInstanceId);
}

TEST(StaticMember, AReturningLeaderIsToldToSkipTheAssignment) {
  Broker broker;
  StaticPair pair(broker);
  auto joined = restarted(pair.leader).join();
  broker.pass(10ms);
  EXPECT_TRUE(joined->skip_assignment);
  EXPECT_EQ(joined->leader, joined->member_id);
  EXPECT_EQ(joined->members.size(), 2u);
}

TEST(StaticMember, AReturningLeaderBeforeVersion9IsNotToldItLeads) {
  Broker broker;
  StaticPair pair(broker);
  Client fresh = restarted(pair.leader);
  fresh.version = 8;
  auto joined = fresh.join();
  broker.pass(10ms);
  EXPECT_EQ(joined->leader, pair.leader.id);
  EXPECT_TRUE(joined->members.empty());
  EXPECT_EQ(joined->generation_id, 1);
}

TEST(StaticMember, ReturningWithAnotherProtocolRebalances) {
  Broker broker;
  Client only(broker, "range,roundrobin");
  only.instance = "i1";
  auto first = only.join();
  broker.pass(10s);
  only.follow(first);
  only.sync({{only.id, "all"}});
  broker.pass(10ms);
  Client fresh(broker, "roundrobin,range");
  fresh.instance = "i1";
  auto joined = fresh.join();
  broker.pass(10ms);
  EXPECT_EQ(joined->generation_id, 2);
  EXPECT_EQ(joined->protocol_name, "roundrobin");
}

TEST(StaticMember, ReturningWhileTheLeaderAssignsRebalances) {
  Broker broker;
  Client a(broker);
  Client b(broker);
  a.instance = "i1";
  b.instance = "i2";
  auto ja = a.join();
  auto jb = b.join();
  broker.pass(10s);
  a.follow(ja);
  b.follow(jb);
  auto fresh = restarted(b).join();
  EXPECT_EQ(broker.state(), "PreparingRebalance");
  EXPECT_EQ(a.heartbeat(), kRebalanceInProgress);
}

TEST(StaticMember, TheNewMemberIdIsDurableBeforeItIsTold) {
  Broker broker;
  StaticPair pair(broker);
  broker.log.append_takes = 100ms;
  Client fresh = restarted(pair.follower);
  auto joined = fresh.join();
  broker.pass(50ms);
  EXPECT_FALSE(joined.ready());
  broker.pass(100ms);
  fresh.follow(joined);
  broker.restart();
  EXPECT_EQ(fresh.heartbeat(), kNone);
  EXPECT_EQ(pair.follower.heartbeat(), kFencedInstanceId);
}

TEST(StaticMember, IsKeptThroughARebalanceItMissesUntilItsSessionEnds) {
  Broker broker;
  StaticPair pair(broker);
  pair.leader.rebalance_timeout_ms = pair.follower.rebalance_timeout_ms = 2000;
  pair.follower.metadata = "changed";
  auto b = pair.follower.join();
  auto a = pair.leader.join();
  broker.pass(10ms);
  pair.leader.follow(a);
  pair.leader.sync({{pair.leader.id, "L"}, {pair.follower.id, "F"}});
  pair.follower.follow(b);
  pair.follower.sync();
  broker.pass(10ms);
  // The follower goes away; the leader rebalances without it and still sees it.
  auto again = pair.leader.join();
  broker.pass(2100ms);
  ASSERT_TRUE(again.ready());
  EXPECT_EQ(again->members.size(), 2u);
  pair.leader.follow(again);
  pair.leader.sync({{pair.leader.id, "L"}, {pair.follower.id, "F"}});
  for (int i = 0; i < 3; ++i) {
    broker.pass(2500ms);
    if (i < 2) {
      EXPECT_EQ(pair.leader.heartbeat(), kNone);
    }
  }
  broker.pass(500ms);
  EXPECT_EQ(pair.leader.heartbeat(), kRebalanceInProgress);
}

TEST(StaticMember, IsRemovedByInstanceIdAlone) {
  Broker broker;
  StaticPair pair(broker);
  Client admin(broker);
  admin.instance = pair.follower.instance;
  auto removed = admin.leave();
  broker.pass(1ms);
  EXPECT_EQ(removed->members.at(0).error_code, kNone);
  EXPECT_EQ(pair.leader.heartbeat(), kRebalanceInProgress);
  admin.instance = "nobody";
  EXPECT_EQ(admin.leave()->members.at(0).error_code, kUnknownMemberId);
}

TEST(StaticMember, ReplacedTwiceBeforeTheFirstIsDurableTheSecondWins) {
  Broker broker;
  StaticPair pair(broker);
  broker.log.append_takes = 100ms;
  auto first = restarted(pair.follower).join();
  auto second = restarted(pair.follower).join();
  broker.pass(1s);
  EXPECT_EQ(first->error_code, kFencedInstanceId);
  EXPECT_EQ(second->error_code, kNone);
}

}  // namespace
}  // namespace thalweg::coordinator
