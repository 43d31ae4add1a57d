#include "tests/sim/linearizability.h"

#include <gtest/gtest.h>

namespace thalweg::sim {
namespace {

// Instants are given by hand: a call and its answer.
Call append(uint64_t called, uint64_t answered, uint64_t operation, uint64_t begin, uint64_t end) {
  return {CallKind::kAppend, called, answered, Offset(begin), Offset(end), {operation}};
}
Call read(uint64_t called, uint64_t answered, uint64_t begin, uint64_t end,
          std::vector<uint64_t> entries) {
  return {CallKind::kRead, called, answered, Offset(begin), Offset(end), std::move(entries)};
}
Call tail(uint64_t called, uint64_t answered, uint64_t end) {
  return {CallKind::kTail, called, answered, Offset(0), Offset(end), {}};
}
Call refusal(uint64_t called, uint64_t answered, uint64_t wanted) {
  return {CallKind::kRefusal, called, answered, Offset(wanted), Offset(0), {}};
}
bool linearizable(const std::vector<Call>& history) { return !find_anomaly(history).has_value(); }

TEST(Linearizability, OneAfterTheOtherIsRightIfEachAnswerIs) {
  EXPECT_TRUE(linearizable({}));
  EXPECT_TRUE(linearizable({append(1, 2, 7, 0, 3), tail(3, 4, 3), append(5, 6, 8, 3, 4),
                            read(7, 8, 0, 4, {7, 8}), read(9, 10, 3, 4, {8})}));
}

TEST(Linearizability, ATailBelowAnAcknowledgedAppendIsAnAnomaly) {
  EXPECT_FALSE(linearizable({append(1, 2, 7, 0, 1), tail(3, 4, 0)}));
}

TEST(Linearizability, WhatIsUnderWayTogetherMayBeInEitherOrder) {
  EXPECT_TRUE(linearizable({append(1, 4, 7, 0, 1), tail(2, 3, 0)}));
  EXPECT_TRUE(linearizable({append(1, 4, 7, 0, 1), tail(2, 3, 1)}));
}

TEST(Linearizability, ATailThatGoesBackIsAnAnomalyThoughTheAppendIsStillUnderWay) {
  EXPECT_FALSE(linearizable({append(1, 6, 7, 0, 1), tail(2, 3, 1), tail(4, 5, 0)}));
  EXPECT_TRUE(linearizable({append(1, 6, 7, 0, 1), tail(2, 5, 1), tail(3, 4, 0)}));
}

TEST(Linearizability, AReadThatGoesBackIsAnAnomaly) {
  EXPECT_FALSE(linearizable({append(1, 8, 7, 0, 1), read(2, 3, 0, 1, {7}), tail(4, 5, 0)}));
}

TEST(Linearizability, AnUnknownOutcomeMayBeEitherAndAtAnyTime) {
  const Call unknown = append(1, kNeverAnswered, 7, 0, 1);
  EXPECT_TRUE(linearizable({unknown, tail(2, 3, 0)}));
  EXPECT_TRUE(linearizable({unknown, tail(2, 3, 0), tail(4, 5, 1)}));
  EXPECT_TRUE(linearizable({unknown, append(2, 3, 8, 0, 1), read(4, 5, 0, 1, {8})}));
  EXPECT_FALSE(linearizable({unknown, tail(2, 3, 1), tail(4, 5, 0)}));
  EXPECT_FALSE(linearizable({unknown, append(2, 3, 8, 0, 1), read(4, 5, 0, 1, {7})}));
}

TEST(Linearizability, TwoAppendsAtOnePlaceCannotBothBeAcknowledged) {
  EXPECT_FALSE(linearizable({append(1, 3, 7, 0, 1), append(2, 4, 8, 0, 1)}));
}

TEST(Linearizability, ATailInTheMidstOfAnEntryIsAnAnomaly) {
  EXPECT_FALSE(linearizable({append(1, 4, 7, 0, 3), tail(2, 3, 1)}));
}

TEST(Linearizability, AReadOfWhatWasNotThereYetIsAnAnomaly) {
  EXPECT_FALSE(linearizable({read(1, 2, 0, 1, {7}), append(3, 4, 7, 0, 1)}));
  EXPECT_FALSE(linearizable({append(1, 2, 7, 0, 1), read(3, 4, 0, 1, {9})}));
}

TEST(Linearizability, ARefusalNeedsATailThatWasNotTheOneWanted) {
  EXPECT_TRUE(linearizable({append(1, 2, 7, 0, 1), refusal(3, 4, 0)}));
  EXPECT_TRUE(linearizable({append(1, 4, 7, 0, 1), refusal(2, 3, 0)}));
  EXPECT_FALSE(linearizable({append(1, 2, 7, 0, 1), refusal(3, 4, 1)}));
  // Refused because of an append that then never happened.
  EXPECT_FALSE(linearizable({append(1, kNeverAnswered, 7, 0, 1), refusal(2, 3, 0), tail(4, 5, 0)}));
}

// The order in which two of several appends with unknown outcomes became part of the stream comes
// out only later.
TEST(Linearizability, TheSearchGoesBackOnWhatItTookFirst) {
  const Call first = append(1, kNeverAnswered, 7, 0, 1);
  const Call second = append(2, kNeverAnswered, 8, 0, 2);
  EXPECT_TRUE(linearizable(
      {first, second, append(3, kNeverAnswered, 9, 1, 2), tail(4, 5, 2), read(6, 7, 0, 2, {8})}));
  EXPECT_TRUE(linearizable(
      {first, second, append(3, kNeverAnswered, 9, 1, 2), tail(4, 5, 2), read(6, 7, 1, 2, {9})}));
  EXPECT_FALSE(linearizable(
      {first, second, append(3, kNeverAnswered, 9, 1, 2), tail(4, 5, 1), read(6, 7, 0, 2, {8})}));
}

TEST(Linearizability, ALongHistoryTakesNoLongSearch) {
  std::vector<Call> history;
  uint64_t instant = 1;
  for (uint64_t i = 0; i < 5000; ++i) {
    history.push_back(append(instant, kNeverAnswered, 2 * i + 1, i, i + 2));  // did not happen
    history.push_back(append(instant + 1, instant + 4, 2 * i + 2, i, i + 1));
    history.push_back(tail(instant + 2, instant + 3, i + i % 2));
    instant += 5;
  }
  EXPECT_EQ(find_anomaly(history), std::nullopt);
}

}  // namespace
}  // namespace thalweg::sim
