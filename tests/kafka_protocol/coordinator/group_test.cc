#include "kafka_protocol/coordinator/group.h"

#include <gtest/gtest.h>

#include "tests/kafka_protocol/coordinator/broker.h"

namespace thalweg::coordinator {
namespace {

using enum KafkaError;

TEST(GroupJoin, AFirstJoinIsToldItsMemberIdAndComesBack) {  // B37
  Broker broker;
  Client c(broker);
  auto first = c.join();
  ASSERT_TRUE(first.ready());
  EXPECT_EQ(first->error_code, kMemberIdRequired);
  EXPECT_TRUE(first->member_id.starts_with("client-"));
  EXPECT_EQ(first->member_id.size(), std::string("client-").size() + 36);
  c.id = first->member_id;
  auto second = c.join();
  broker.pass(5s);
  ASSERT_TRUE(second.ready());
  EXPECT_EQ(second->error_code, kNone);
  EXPECT_EQ(second->member_id, c.id);
  EXPECT_EQ(second->generation_id, 1);
}

TEST(GroupJoin, BeforeVersion4AMemberEntersDirectly) {  // B37
  Broker broker;
  Client c(broker);
  c.version = 3;
  auto joined = c.join();
  EXPECT_FALSE(joined.ready());
  broker.pass(5s);
  EXPECT_EQ(joined->error_code, kNone);
  EXPECT_EQ(joined->generation_id, 1);
}

TEST(GroupJoin, APendingMemberThatStaysAwayIsForgotten) {  // B37
  Broker broker;
  Client c(broker);
  auto first = c.join();
  c.id = first->member_id;
  broker.pass(11s);
  EXPECT_EQ(broker.coordinator().group_count(), 0u);
  auto late = c.join();
  EXPECT_EQ(late->error_code, kUnknownMemberId);
}

TEST(GroupJoin, TheRebalanceWaitsForAPendingMember) {  // B37
  Broker broker;
  StablePair pair(broker);
  Client third(broker);
  third.id = third.join()->member_id;
  auto a = pair.leader.join();
  auto b = pair.follower.join();
  broker.pass(1s);
  EXPECT_FALSE(a.ready());
  auto c = third.join();
  broker.pass(1ms);
  EXPECT_EQ(a->generation_id, 2);
  EXPECT_EQ(b->generation_id, 2);
  EXPECT_EQ(c->generation_id, 2);
}

TEST(GroupJoin, SessionTimeoutsOutsideTheRangeAreRefused) {  // B37
  Broker broker;
  Client c(broker);
  for (int32_t timeout : {5999, 1800001, 0, -1}) {
    c.session_timeout_ms = timeout;
    EXPECT_EQ(c.join()->error_code, kInvalidSessionTimeout) << timeout;
  }
  for (int32_t timeout : {6000, 1800000}) {
    c.session_timeout_ms = timeout;
    EXPECT_EQ(c.join()->error_code, kMemberIdRequired) << timeout;
  }
}

TEST(GroupJoin, AnEmptyGroupIdIsInvalid) {
  Broker broker;
  Client c(broker);
  c.group = "";
  EXPECT_EQ(c.join()->error_code, kInvalidGroupId);
}

TEST(GroupJoin, ProtocolsWithNothingInCommonAreInconsistent) {  // B37
  Broker broker;
  StablePair pair(broker, "range,roundrobin");
  EXPECT_EQ(Client(broker, "sticky").join()->error_code, kInconsistentGroupProtocol);
  Client connect(broker, "range");
  connect.protocol_type = "connect";
  EXPECT_EQ(connect.join()->error_code, kInconsistentGroupProtocol);
  EXPECT_EQ(Client(broker, "").join()->error_code, kInconsistentGroupProtocol);
  EXPECT_EQ(Client(broker, "sticky,roundrobin").join()->error_code, kMemberIdRequired);
}

TEST(GroupJoin, AMemberIdNobodyGaveOutIsUnknown) {
  Broker broker;
  Client c(broker);
  c.id = "made-up";
  EXPECT_EQ(c.join()->error_code, kUnknownMemberId);
  StablePair pair(broker);
  EXPECT_EQ(c.join()->error_code, kUnknownMemberId);
}

TEST(GroupJoin, AFullGroupTakesNoMore) {
  CoordinatorOptions options;
  options.groups.members_max = 2;
  Broker broker(options);
  StablePair pair(broker);
  EXPECT_EQ(Client(broker).join()->error_code, kGroupMaxSizeReached);
  auto again = pair.follower.join();
  EXPECT_EQ(again->error_code, kNone);
}

TEST(GroupJoin, OnlyTheLeaderGetsTheMembers) {  // B37
  Broker broker;
  Client a(broker);
  Client b(broker);
  auto ja = a.enter();
  auto jb = b.enter();
  broker.pass(10s);
  const auto& leader = ja->leader == a.id ? ja : jb;
  const auto& other = ja->leader == a.id ? jb : ja;
  EXPECT_EQ(leader->members.size(), 2u);
  EXPECT_EQ(text(leader->members[0].metadata), "subscription");
  EXPECT_TRUE(other->members.empty());
  EXPECT_EQ(leader->protocol_name, "range");
  EXPECT_EQ(leader->protocol_type, "consumer");
}

TEST(GroupJoin, TheInitialDelayIsExtendedWhileMembersArrive) {  // B37
  Broker broker;
  Client a(broker);
  Client b(broker);
  auto ja = a.enter();
  broker.pass(2s);
  auto jb = b.enter();
  broker.pass(2s);
  EXPECT_FALSE(ja.ready());
  broker.pass(2100ms);
  EXPECT_TRUE(ja.ready());
  EXPECT_TRUE(jb.ready());
}

TEST(GroupJoin, TheInitialDelayNeverExceedsTheRebalanceTimeout) {  // B37
  Broker broker;
  Client a(broker);
  a.rebalance_timeout_ms = 7000;
  auto first = a.enter();
  std::vector<Pending<wire::JoinGroupResponse>> others;
  for (int second = 0; second < 7; ++second) {
    EXPECT_FALSE(first.ready()) << second;
    Client c(broker);
    c.rebalance_timeout_ms = 7000;
    others.push_back(c.enter());
    broker.pass(1s);
  }
  broker.pass(10ms);
  EXPECT_TRUE(first.ready());
}

TEST(GroupJoin, WithoutInitialDelayOneMemberStartsAtOnce) {  // B37
  CoordinatorOptions options;
  options.groups.initial_rebalance_delay = 0ms;
  Broker broker(options);
  Client c(broker);
  auto joined = c.enter();
  broker.pass(1ms);
  EXPECT_EQ(joined->generation_id, 1);
}

TEST(GroupJoin, TheProtocolMostMembersPreferIsChosenAmongThoseAllKnow) {  // B38
  Broker broker;
  Client a(broker, "only-a,range,roundrobin");
  Client b(broker, "roundrobin,range");
  Client c(broker, "roundrobin,range");
  auto ja = a.enter();
  auto jb = b.enter();
  auto jc = c.enter();
  broker.pass(10s);
  EXPECT_EQ(ja->protocol_name, "roundrobin");
}

TEST(GroupJoin, ANewMemberWhoNeverHearsAnythingIsGivenUpAfterFiveMinutes) {
  Broker broker;
  StablePair pair(broker);
  pair.leader.rebalance_timeout_ms = 1800000;
  auto again = pair.leader.join();  // from now on the rebalance may take half an hour
  Client fresh(broker);
  auto joined = fresh.enter();
  for (int i = 0; i < 59; ++i) {
    broker.pass(5s);
    EXPECT_EQ(pair.follower.heartbeat(), kRebalanceInProgress);
  }
  EXPECT_FALSE(joined.ready());
  broker.pass(6s);
  EXPECT_EQ(joined->error_code, kUnknownMemberId);
}

TEST(GroupRebalance, AFollowerThatRejoinsUnchangedKeepsTheGeneration) {  // B38
  Broker broker;
  StablePair pair(broker);
  auto again = pair.follower.join();
  ASSERT_TRUE(again.ready());
  EXPECT_EQ(again->generation_id, 1);
  EXPECT_EQ(again->leader, pair.leader.id);
  EXPECT_TRUE(again->members.empty());
  EXPECT_EQ(broker.state(), "Stable");
}

TEST(GroupRebalance, ALeaderThatRejoinsStartsARebalance) {  // B38
  Broker broker;
  StablePair pair(broker);
  auto again = pair.leader.join();
  EXPECT_FALSE(again.ready());
  EXPECT_EQ(broker.state(), "PreparingRebalance");
}

TEST(GroupRebalance, AFollowerWithNewMetadataStartsARebalance) {  // B38
  Broker broker;
  StablePair pair(broker);
  pair.follower.metadata = "more topics";
  auto again = pair.follower.join();
  EXPECT_FALSE(again.ready());
  EXPECT_EQ(broker.state(), "PreparingRebalance");
}

TEST(GroupRebalance, AMemberThatMissedTheAnswerGetsItAgainWhileCompleting) {  // B38
  Broker broker;
  Client a(broker);
  Client b(broker);
  auto ja = a.enter();
  auto jb = b.enter();
  broker.pass(10s);
  ASSERT_EQ(broker.state(), "CompletingRebalance");
  Client& leader = ja->leader == a.id ? a : b;
  auto again = leader.join();
  ASSERT_TRUE(again.ready());
  EXPECT_EQ(again->generation_id, 1);
  EXPECT_EQ(again->members.size(), 2u);
  leader.metadata = "changed";
  auto changed = leader.join();
  EXPECT_FALSE(changed.ready());
  EXPECT_EQ(broker.state(), "PreparingRebalance");
}

TEST(GroupRebalance, GoesOnWithoutMembersThatDoNotRejoinInTime) {  // B37
  Broker broker;
  StablePair pair(broker);
  auto again = pair.leader.join();
  for (int i = 0; i < 12; ++i) {
    EXPECT_FALSE(again.ready());
    EXPECT_EQ(pair.follower.heartbeat(), kRebalanceInProgress);
    broker.pass(5s);
  }
  broker.pass(10ms);
  EXPECT_EQ(again->generation_id, 2);
  EXPECT_EQ(again->members.size(), 1u);
  EXPECT_EQ(pair.follower.heartbeat(), kUnknownMemberId);
}

TEST(GroupRebalance, ALeaderThatStaysAwayIsReplaced) {
  Broker broker;
  StablePair pair(broker);
  pair.follower.metadata = "changed";
  auto again = pair.follower.join();
  broker.pass(61s);
  EXPECT_EQ(again->leader, pair.follower.id);
  EXPECT_EQ(again->members.size(), 1u);
}

TEST(GroupRebalance, ARepeatedJoinTakesThePlaceOfTheFirst) {
  Broker broker;
  StablePair pair(broker);
  auto first = pair.leader.join();
  auto second = pair.leader.join();
  broker.pass(1ms);
  EXPECT_EQ(first->error_code, kRebalanceInProgress);
  EXPECT_FALSE(second.ready());
  auto other = pair.follower.join();
  broker.pass(1ms);
  EXPECT_EQ(second->generation_id, 2);
}

TEST(GroupHeartbeat, AnswersByStateAndGeneration) {  // B39
  Broker broker;
  StablePair pair(broker);
  EXPECT_EQ(pair.follower.heartbeat(), kNone);
  pair.follower.generation = 0;
  EXPECT_EQ(pair.follower.heartbeat(), kIllegalGeneration);
  pair.follower.generation = 1;
  auto again = pair.leader.join();
  EXPECT_EQ(pair.follower.heartbeat(), kRebalanceInProgress);
  Client stranger(broker);
  stranger.id = "stranger";
  EXPECT_EQ(stranger.heartbeat(), kUnknownMemberId);
  stranger.group = "unknown";
  EXPECT_EQ(stranger.heartbeat(), kUnknownMemberId);
}

TEST(GroupHeartbeat, WithoutItTheSessionEnds) {
  Broker broker;
  StablePair pair(broker);
  for (int i = 0; i < 4; ++i) {
    broker.pass(3s);
    if (i < 3) {
      EXPECT_EQ(pair.leader.heartbeat(), kNone) << i;
    }
  }
  EXPECT_EQ(pair.leader.heartbeat(), kRebalanceInProgress);
  EXPECT_EQ(pair.follower.heartbeat(), kUnknownMemberId);
}

TEST(GroupHeartbeat, RenewsTheSessionDuringARebalance) {  // B39
  Broker broker;
  StablePair pair(broker);
  auto again = pair.leader.join();
  for (int i = 0; i < 10; ++i) {
    broker.pass(5s);
    EXPECT_EQ(pair.follower.heartbeat(), kRebalanceInProgress);
  }
}

TEST(GroupSync, EveryMemberGetsItsPartAndMissingOnesNothing) {  // B39
  Broker broker;
  Client a(broker);
  Client b(broker);
  auto ja = a.enter();
  auto jb = b.enter();
  broker.pass(10s);
  a.follow(ja);
  b.follow(jb);
  Client& leader = ja->leader == a.id ? a : b;
  Client& other = ja->leader == a.id ? b : a;
  auto waiting = other.sync();
  broker.pass(1s);
  EXPECT_FALSE(waiting.ready());
  auto led = leader.sync({{leader.id, "mine"}, {"nobody", "lost"}});
  broker.pass(10ms);
  EXPECT_EQ(text(led->assignment), "mine");
  EXPECT_EQ(waiting->error_code, kNone);
  EXPECT_EQ(text(waiting->assignment), "");
  EXPECT_EQ(led->protocol_name, "range");
  EXPECT_EQ(broker.state(), "Stable");
}

TEST(GroupSync, IsNotAnsweredBeforeTheAssignmentIsDurable) {  // B39
  Broker broker;
  broker.log.append_takes = 500ms;
  Client a(broker);
  auto joined = a.enter();
  broker.pass(10s);
  a.follow(joined);
  auto synced = a.sync({{a.id, "all"}});
  broker.pass(400ms);
  EXPECT_FALSE(synced.ready());
  EXPECT_EQ(broker.log.records().size(), 0u);
  broker.pass(200ms);
  EXPECT_EQ(text(synced->assignment), "all");
  EXPECT_EQ(broker.log.records().size(), 1u);
}

TEST(GroupSync, InStableReturnsTheCurrentAssignment) {  // B39
  Broker broker;
  StablePair pair(broker);
  auto again = pair.follower.sync();
  broker.pass(1ms);
  EXPECT_EQ(text(again->assignment), "F");
}

TEST(GroupSync, ChecksGenerationMemberStateAndProtocol) {  // B39
  Broker broker;
  StablePair pair(broker);
  pair.follower.generation = 7;
  EXPECT_EQ(pair.follower.sync()->error_code, kIllegalGeneration);
  pair.follower.generation = 1;
  auto again = pair.leader.join();
  EXPECT_EQ(pair.follower.sync()->error_code, kRebalanceInProgress);
  Client stranger(broker);
  stranger.id = "stranger";
  EXPECT_EQ(stranger.sync()->error_code, kUnknownMemberId);
  wire::SyncGroupRequest request;
  request.group_id = "g";
  request.generation_id = 1;
  request.member_id = pair.follower.id;
  request.protocol_type = "connect";
  EXPECT_EQ(broker.run(broker.coordinator().sync_group(request)).error_code,
            kInconsistentGroupProtocol);
}

TEST(GroupSync, WaitingFollowersAreSentBackWhenANewRebalanceStarts) {
  Broker broker;
  Client a(broker);
  Client b(broker);
  auto ja = a.enter();
  auto jb = b.enter();
  broker.pass(10s);
  a.follow(ja);
  b.follow(jb);
  Client& other = ja->leader == a.id ? b : a;
  auto waiting = other.sync();
  Client third(broker);
  auto jc = third.enter();
  broker.pass(1ms);
  EXPECT_EQ(waiting->error_code, kRebalanceInProgress);
}

TEST(GroupSync, AMemberThatNeverSyncsIsDroppedAfterTheRebalanceTimeout) {
  Broker broker;
  Client a(broker);
  Client b(broker);
  a.session_timeout_ms = b.session_timeout_ms = 300000;
  auto ja = a.enter();
  auto jb = b.enter();
  broker.pass(10s);
  a.follow(ja);
  b.follow(jb);
  Client& leader = ja->leader == a.id ? a : b;
  auto led = leader.sync({{leader.id, "all"}});
  broker.pass(40s);
  EXPECT_EQ(broker.state(), "Stable");
  broker.pass(20s);
  EXPECT_EQ(leader.heartbeat(), kRebalanceInProgress);
}

TEST(GroupSync, AFailedWriteSendsEverybodyBackToJoin) {
  Broker broker;
  Client a(broker);
  auto joined = a.enter();
  broker.pass(10s);
  a.follow(joined);
  broker.log.fail_next = base::ErrorCode::kNoSpace;
  auto synced = a.sync({{a.id, "all"}});
  broker.pass(10ms);
  EXPECT_EQ(synced->error_code, kCoordinatorNotAvailable);
  EXPECT_EQ(broker.state(), "PreparingRebalance");
}

TEST(GroupLeave, TheOthersRebalanceAtOnce) {
  Broker broker;
  StablePair pair(broker);
  auto left = pair.follower.leave();
  broker.pass(1ms);
  EXPECT_EQ(left->members.at(0).error_code, kNone);
  EXPECT_EQ(pair.leader.heartbeat(), kRebalanceInProgress);
  auto again = pair.leader.join();
  broker.pass(1ms);
  EXPECT_EQ(again->generation_id, 2);
}

TEST(GroupLeave, TheLastMemberLeavesAnEmptyGroupDurably) {
  Broker broker;
  StablePair pair(broker);
  pair.follower.leave();
  auto left = pair.leader.leave();
  EXPECT_FALSE(left.ready());
  broker.pass(10ms);
  EXPECT_TRUE(left.ready());
  EXPECT_EQ(broker.state(), "Empty");
  broker.restart();
  EXPECT_EQ(broker.state(), "Empty");
}

TEST(GroupLeave, AnswersPerMemberAndBeforeVersion3ForAll) {
  Broker broker;
  StablePair pair(broker);
  wire::LeaveGroupRequest request;
  request.group_id = "g";
  request.members = {{"stranger", std::nullopt, std::nullopt},
                     {pair.follower.id, std::nullopt, std::nullopt}};
  auto response = broker.run(broker.coordinator().leave_group(request, 4));
  EXPECT_EQ(response.error_code, kNone);
  EXPECT_EQ(response.members.at(0).error_code, kUnknownMemberId);
  EXPECT_EQ(response.members.at(1).error_code, kNone);
  wire::LeaveGroupRequest old;
  old.group_id = "g";
  old.member_id = "stranger";
  EXPECT_EQ(broker.run(broker.coordinator().leave_group(old, 2)).error_code, kUnknownMemberId);
  old.member_id = pair.leader.id;
  EXPECT_EQ(broker.run(broker.coordinator().leave_group(old, 2)).error_code, kNone);
  EXPECT_EQ(broker.state(), "Empty");
}

TEST(GroupLeave, APendingMemberMayLeave) {
  Broker broker;
  StablePair pair(broker);
  Client third(broker);
  third.id = third.join()->member_id;
  auto a = pair.leader.join();
  auto b = pair.follower.join();
  EXPECT_FALSE(a.ready());
  third.leave();
  broker.pass(1ms);
  EXPECT_EQ(a->generation_id, 2);
}

TEST(GroupRestart, MembersGenerationAndAssignmentsSurvive) {
  Broker broker;
  StablePair pair(broker);
  broker.pass(8s);  // sessions are nearly over
  broker.restart();
  EXPECT_EQ(broker.state(), "Stable");
  broker.pass(8s);  // they started anew
  EXPECT_EQ(pair.leader.heartbeat(), kNone);
  EXPECT_EQ(pair.follower.heartbeat(), kNone);
  auto synced = pair.follower.sync();
  broker.pass(1ms);
  EXPECT_EQ(text(synced->assignment), "F");
  auto again = pair.follower.join();
  broker.pass(1ms);
  EXPECT_EQ(again->generation_id, 1);
  auto led = pair.leader.join();
  EXPECT_FALSE(led.ready());
}

TEST(GroupRestart, MembersThatStayAwayAreDropped) {
  Broker broker;
  StablePair pair(broker);
  broker.restart();
  broker.pass(11s);
  EXPECT_EQ(broker.state(), "Empty");
}

// Every crash point of the leader's sync: afterwards the group is as before or has the whole
// generation.
TEST(GroupRestart, AGenerationIsAllThereOrNotAtAll) {
  bool told_at_all = false;
  for (int steps = 0; steps < 12; ++steps) {
    Broker broker;
    StablePair pair(broker);
    auto a = pair.leader.join();
    auto b = pair.follower.join();
    broker.pass(10ms);
    pair.leader.follow(a);
    auto synced = pair.leader.sync({{pair.leader.id, "L2"}, {pair.follower.id, "F2"}});
    for (int i = 0; i < steps && !synced.ready(); ++i) broker.executor().step();
    const bool told = synced.ready();
    told_at_all |= told;
    broker.restart();
    pair.leader.generation = 2;
    const bool has_new = pair.leader.heartbeat() == kNone;
    EXPECT_TRUE(has_new || !told) << steps;
    pair.leader.generation = has_new ? 2 : 1;
    auto after = pair.leader.sync();
    broker.pass(1ms);
    EXPECT_EQ(text(after->assignment), has_new ? "L2" : "L") << steps;
  }
  EXPECT_TRUE(told_at_all);
}

}  // namespace
}  // namespace thalweg::coordinator
