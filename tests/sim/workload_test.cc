#include <gtest/gtest.h>

#include <string>

#include "tests/sim/seed_run.h"

namespace thalweg::sim {
namespace {

// Sanitizers make a seed cost ten times as much; they look for other things than the model does.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr uint64_t kSeeds = 80;
constexpr uint64_t kZoneSeeds = 16;
constexpr uint64_t kOwnerSeeds = 16;
constexpr uint64_t kFaultSeeds = 4;
#else
constexpr uint64_t kSeeds = 1000;
constexpr uint64_t kZoneSeeds = 240;
constexpr uint64_t kOwnerSeeds = 260;
constexpr uint64_t kFaultSeeds = 60;
#endif
constexpr uint64_t kShards = 8;
constexpr uint64_t kSeedsThatTell = 20;
constexpr uint64_t kFaultSeedsBegin = 100'001;

class Seeds : public testing::TestWithParam<uint64_t> {
 protected:
  void run(World world, uint64_t seeds) {
    announce_seed_on_abort();
    uint64_t acked = 0;
    uint64_t crashes = 0;
    for (uint64_t seed = 1 + GetParam(); seed <= seeds; seed += kShards) {
      const SeedOutcome outcome = run_seed(seed, world, Plant::kNone, false);
      EXPECT_FALSE(outcome.violation.has_value())
          << command_of(seed, world) << ": " << *outcome.violation;
      acked += outcome.acked;
      crashes += outcome.crashes;
    }
    // The runs must have been worth something. A seed may acknowledge none or ten thousand: a few
    // of them tell nothing.
    if (seeds / kShards < kSeedsThatTell) return;
    EXPECT_GT(acked, seeds / kShards * 10);
    EXPECT_GT(crashes, seeds / kShards);
  }
};

TEST_P(Seeds, ShowNothingButWhatTheModelAllows) { run(World::kLocal, kSeeds); }

TEST_P(Seeds, WithTheLogInThreeZonesShowNothingElse) { run(World::kZones, kZoneSeeds); }

INSTANTIATE_TEST_SUITE_P(Shard, Seeds, testing::Range(uint64_t{0}, kShards));

TEST_P(Seeds, OfOwnersThatFollowEachOtherShowNothingElse) { run(World::kOwners, kOwnerSeeds); }

// A fault that never fires proves nothing. Sanitizers leave no time for seeds enough.
TEST(SimWorkload, EveryFaultFires) {
  announce_seed_on_abort();
  FaultCounts fired;
  for (uint64_t seed = kFaultSeedsBegin; seed < kFaultSeedsBegin + kFaultSeeds; ++seed) {
    for (const World world : {World::kLocal, World::kZones, World::kOwners}) {
      const SeedOutcome outcome = run_seed(seed, world, Plant::kNone, false);
      EXPECT_FALSE(outcome.violation.has_value())
          << command_of(seed, world) << ": " << *outcome.violation;
      fired.add(outcome.fired);
    }
  }
  for (size_t i = 0; kFaultSeeds >= kSeedsThatTell && i < static_cast<size_t>(Fault::kEnd); ++i) {
    EXPECT_GT(fired.of(static_cast<Fault>(i)), 0u) << name_of(static_cast<Fault>(i));
  }
}

std::string log_of(uint64_t seed, World world) {
  testing::internal::CaptureStdout();
  (void)run_seed(seed, world, Plant::kNone, true);
  return testing::internal::GetCapturedStdout();
}

TEST(SimWorkload, OneSeedGivesOneLogByteForByte) {
  announce_seed_on_abort();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    for (const World world : {World::kLocal, World::kZones, World::kOwners}) {
      EXPECT_TRUE(log_of(seed, world) == log_of(seed, world)) << command_of(seed, world);
    }
  }
}

TEST(SimWorkload, DifferentSeedsGiveDifferentHistories) {
  EXPECT_NE(run_seed(1, World::kLocal, Plant::kNone, false).trace_hash,
            run_seed(2, World::kLocal, Plant::kNone, false).trace_hash);
}

}  // namespace
}  // namespace thalweg::sim
