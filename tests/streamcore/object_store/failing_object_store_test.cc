#include "tests/streamcore/object_store/failing_object_store.h"

#include <gtest/gtest.h>

#include <map>

#include "streamcore/object_store/memory_object_store.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::object_store {
namespace {

using base::ErrorCode;

class FailingObjectStoreTest : public testing::Test {
 protected:
  base::Result<PutOutcome> put(std::string key) {
    return sim::run(executor_, store_.put_if_absent(std::move(key), {base::as_bytes("text")}));
  }
  bool is_there(std::string key) {
    return sim::run(executor_, memory_.head(std::move(key))).has_value();
  }

  base::SeededRandom random_{9};
  sim::SimExecutor executor_;
  MemoryObjectStore memory_{executor_};
  FailingObjectStore store_{memory_, executor_, random_};
};

TEST_F(FailingObjectStoreTest, QueuedFaultsComeInOrder) {
  store_.fail_next_put(PutFault::kUnknownBefore);
  store_.fail_next_put(PutFault::kUnknownAfter);
  store_.fail_next_put(PutFault::kNoSpace);
  EXPECT_EQ(put("a").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_FALSE(is_there("a"));
  EXPECT_EQ(put("b").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(is_there("b"));
  EXPECT_EQ(put("c").error().code, ErrorCode::kNoSpace);
  EXPECT_FALSE(is_there("c"));
  EXPECT_EQ(put("c").value(), PutOutcome::kCreated);
  EXPECT_EQ(store_.faults(), 3u);
}

TEST_F(FailingObjectStoreTest, LatePutAppearsAfterItsAnswer) {
  store_.fail_next_put(PutFault::kUnknownLater);
  EXPECT_EQ(put("a").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_FALSE(is_there("a"));
  EXPECT_EQ(store_.late_puts(), 1u);
  executor_.run_for(std::chrono::minutes(11));
  EXPECT_TRUE(is_there("a"));
}

TEST_F(FailingObjectStoreTest, StoreThatIsDownAppliesNothing) {
  ASSERT_TRUE(put("a").has_value());
  store_.set_down(true);
  EXPECT_EQ(put("b").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(sim::run(executor_, store_.get("a", std::nullopt)).error().code,
            ErrorCode::kUnavailable);
  EXPECT_EQ(sim::run(executor_, store_.remove("a")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(sim::run(executor_, store_.list("", "")).error().code, ErrorCode::kUnavailable);
  store_.set_down(false);
  EXPECT_TRUE(is_there("a"));
  EXPECT_FALSE(is_there("b"));
}

TEST_F(FailingObjectStoreTest, EveryRateFires) {
  store_.set_rates({.unknown_before = 100,
                    .unknown_after = 100,
                    .unknown_later = 100,
                    .no_space = 100,
                    .read_unavailable = 200,
                    .remove_unavailable = 400});
  std::map<std::string, int> seen;
  for (int i = 0; i < 500; ++i) {
    const std::string key = std::to_string(i);
    const auto outcome = put(key);
    const bool there = is_there(key);
    if (!outcome) seen[std::string(base::to_string(outcome.error().code)) + (there ? "+" : "-")]++;
    if (!sim::run(executor_, store_.head(key)).has_value() && there) seen["read"]++;
    if (!sim::run(executor_, store_.remove(key))) seen[is_there(key) ? "kept" : "removed"]++;
  }
  for (const char* what :
       {"unknown outcome+", "unknown outcome-", "no space-", "read", "kept", "removed"}) {
    EXPECT_GT(seen[what], 10) << what;
  }
  EXPECT_EQ(seen["no space+"], 0);
}

}  // namespace
}  // namespace thalweg::object_store
