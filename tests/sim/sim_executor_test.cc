#include "tests/sim/sim_executor.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "streamcore/base/task_group.h"
#include "tests/sim/sim_clock.h"

namespace thalweg::sim {
namespace {

using namespace std::chrono_literals;

TEST(SimExecutor, RunsByTimeThenByArrival) {
  SimExecutor executor;
  std::vector<int> order;
  executor.run_after(2ms, [&] { order.push_back(4); });
  executor.run_after(1ms, [&] { order.push_back(2); });
  executor.run_after(1ms, [&] { order.push_back(3); });
  executor.post([&] { order.push_back(1); });
  executor.run_until_idle();
  EXPECT_EQ(order, (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(executor.now().time_since_epoch(), 2ms);
  EXPECT_EQ(executor.steps(), 4u);
}

TEST(SimExecutor, CancelledTimerNeverRuns) {
  SimExecutor executor;
  bool ran = false;
  const auto timer = executor.run_after(1ms, [&] { ran = true; });
  EXPECT_TRUE(executor.cancel(timer));
  EXPECT_FALSE(executor.cancel(timer));
  executor.run_until_idle();
  EXPECT_FALSE(ran);
}

TEST(SimExecutor, TimerThatRanCannotBeCancelled) {
  SimExecutor executor;
  const auto timer = executor.run_after(1ms, [] {});
  executor.run_until_idle();
  EXPECT_FALSE(executor.cancel(timer));
}

TEST(SimExecutor, RunForStopsAtItsEndAndLeavesTheRest) {
  SimExecutor executor;
  int ran = 0;
  executor.run_after(5ms, [&] { ++ran; });
  executor.run_after(15ms, [&] { ++ran; });
  executor.run_for(10ms);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(executor.now().time_since_epoch(), 10ms);
  EXPECT_FALSE(executor.idle());
}

base::Task<int> sleep_twice(SimExecutor& executor) {
  co_await base::sleep_for(executor, 3ms);
  co_await base::sleep_for(executor, 4ms);
  co_return 7;
}

TEST(SimExecutor, RunsATaskToItsValue) {
  SimExecutor executor;
  EXPECT_EQ(run(executor, sleep_twice(executor)), 7);
  EXPECT_EQ(executor.now().time_since_epoch(), 7ms);
}

TEST(SimExecutor, StopsBeforeTheStepAsked) {
  SimExecutor executor;
  executor.stop_at_step(1);
  EXPECT_FALSE(try_run(executor, sleep_twice(executor)).has_value());
  EXPECT_EQ(executor.steps(), 1u);
  EXPECT_TRUE(executor.stopped());
}

TEST(SimExecutor, DroppingItRunsNothingAndFreesWhatCallbacksHold) {
  auto held = std::make_shared<int>(1);
  bool ran = false;
  {
    SimExecutor executor;
    executor.post([held, &ran] { ran = true; });
    executor.run_after(1ms, [held, &ran] { ran = true; });
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

base::Task<void> sleep_for_ever(SimExecutor& executor, int* ends) {
  struct CountEnd {
    int* ends;
    ~CountEnd() { ++*ends; }
  } count{ends};
  co_await base::sleep_for(executor, 1h);
}

TEST(SimExecutor, CrashDestroysSleepingCoroutines) {
  SimExecutor executor;
  int ends = 0;
  {
    base::TaskGroup group(executor);
    group.spawn(sleep_for_ever(executor, &ends));
    executor.run_for(1s);
    EXPECT_EQ(ends, 0);
  }
  EXPECT_EQ(ends, 1);
  EXPECT_TRUE(executor.idle());
}

TEST(SimClock, FollowsVirtualTimeAndItsError) {
  SimExecutor executor;
  SimClock clock(executor);
  EXPECT_EQ(clock.wall_now(), kWallStart);
  executor.run_for(1500ms);
  EXPECT_EQ(clock.wall_now(), kWallStart + 1500);
  clock.set_error(-600s);
  EXPECT_EQ(clock.wall_now(), kWallStart + 1500 - 600'000);
}

}  // namespace
}  // namespace thalweg::sim
