#include "streamcore/object_store/deferred_object_store.h"

#include <gtest/gtest.h>

#include "streamcore/base/task_group.h"
#include "streamcore/object_store/memory_object_store.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::object_store {
namespace {

using base::ErrorCode;
using base::Result;
using base::Task;

class DeferredObjectStoreTest : public testing::Test {
 protected:
  static Task<Result<std::unique_ptr<ObjectStore>>> open(DeferredObjectStoreTest* test) {
    ++test->attempts;
    co_await base::yield(test->executor);
    if (!test->there) co_return base::fail(ErrorCode::kInvalidArgument, "no such bucket");
    co_return std::make_unique<MemoryObjectStore>(test->executor);
  }
  static Task<void> put(DeferredObjectStoreTest* test) {
    (void)co_await test->store.put_if_absent("k", {base::as_bytes("x")});
  }

  sim::SimExecutor executor;
  bool there = false;
  int attempts = 0;
  DeferredObjectStore store{executor, [this] { return open(this); }};
};

TEST_F(DeferredObjectStoreTest, IsAwayUntilItCanBeOpened) {
  const auto put = sim::run(executor, store.put_if_absent("k", {base::as_bytes("x")}));
  EXPECT_EQ(put.error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(sim::run(executor, store.get("k", {})).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(sim::run(executor, store.head("k")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(sim::run(executor, store.remove("k")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(sim::run(executor, store.list("", "")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(attempts, 5);
  there = true;
  ASSERT_TRUE(sim::run(executor, store.put_if_absent("k", {base::as_bytes("x")})));
  EXPECT_EQ(sim::run(executor, store.head("k"))->size, 1u);
  EXPECT_EQ(attempts, 6);
}

TEST_F(DeferredObjectStoreTest, CallsThatComeTogetherShareOneAttempt) {
  there = true;
  base::TaskGroup group(executor);
  for (int i = 0; i < 5; ++i) group.spawn(put(this));
  executor.run_until_idle();
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(group.size(), 0u);
}

}  // namespace
}  // namespace thalweg::object_store
