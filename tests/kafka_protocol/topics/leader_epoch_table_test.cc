#include "kafka_protocol/topics/leader_epoch_table.h"

#include <gtest/gtest.h>

namespace thalweg::topics {
namespace {

using End = LeaderEpochTable::End;

// Epoch 2 from 10, 5 from 30, 6 from 40; the log ends at 50 under epoch 8.
LeaderEpochTable table() {
  LeaderEpochTable t;
  t.observe(2, 10);
  t.observe(2, 15);
  t.observe(5, 30);
  t.observe(6, 40);
  return t;
}

TEST(LeaderEpochTable, AnEpochEndsWhereTheNextBegan) {  // B30
  EXPECT_EQ(table().end_of(2, 8, 0, 50), (End{2, 30}));
  EXPECT_EQ(table().end_of(5, 8, 0, 50), (End{5, 40}));
}

TEST(LeaderEpochTable, TheCurrentEpochEndsAtTheLogEnd) {  // B30
  EXPECT_EQ(table().end_of(6, 6, 0, 50), (End{6, 50}));
  EXPECT_EQ(table().end_of(8, 8, 0, 50), (End{8, 50}));
}

TEST(LeaderEpochTable, AnEpochWithoutRecordsEndsWithTheOneBefore) {  // B30
  EXPECT_EQ(table().end_of(3, 8, 0, 50), (End{2, 30}));
  EXPECT_EQ(table().end_of(7, 8, 0, 50), (End{6, 50}));
}

TEST(LeaderEpochTable, AnEpochBeforeTheFirstEndsWhereTheFirstBegan) {  // B30
  EXPECT_EQ(table().end_of(0, 8, 0, 50), (End{0, 10}));
}

TEST(LeaderEpochTable, AnUnknownEpochHasNoEnd) {  // B30
  EXPECT_EQ(table().end_of(9, 8, 0, 50), (End{-1, -1}));
  EXPECT_EQ(table().end_of(-1, 8, 0, 50), (End{-1, -1}));
}

TEST(LeaderEpochTable, AnEpochThatWasTrimmedAwayEndsWhereTheLogStarts) {
  EXPECT_EQ(table().end_of(2, 8, 35, 50), (End{2, 35}));  // Kafka: requested, before the first
  EXPECT_EQ(table().end_of(3, 8, 30, 50), (End{3, 30}));
  EXPECT_EQ(table().end_of(0, 8, 35, 50), (End{0, 35}));
  EXPECT_EQ(table().end_of(5, 8, 35, 50), (End{5, 40}));
  EXPECT_EQ(table().end_of(5, 8, 50, 50), (End{5, 50}));
  EXPECT_EQ(table().end_of(8, 8, 50, 50), (End{8, 50}));
}

TEST(LeaderEpochTable, IsBounded) {
  LeaderEpochTable t;
  for (int32_t e = 0; e < static_cast<int32_t>(kLeaderEpochsMax) + 10; ++e) t.observe(e, e * 10);
  EXPECT_EQ(t.starts().size(), kLeaderEpochsMax);
  EXPECT_EQ(t.starts().front().epoch, 10);
}

}  // namespace
}  // namespace thalweg::topics
