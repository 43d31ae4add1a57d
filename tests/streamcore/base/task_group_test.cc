#include "streamcore/base/task_group.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "streamcore/base/task.h"

namespace thalweg::base {
namespace {

using namespace std::chrono_literals;

// A clock that moves on between any two looks at it, as a thread does that loses its core there.
class PreemptedExecutor final : public Executor {
 public:
  void post(Callback callback) override { queue_.push_back(std::move(callback)); }
  TimerId run_after(Duration delay, Callback callback) override {
    timers_.emplace(now() + delay, std::move(callback));
    return timers_.size();
  }
  bool cancel(TimerId) override { return false; }
  TimePoint now() override { return now_ += 1us; }
  bool is_current() const override { return true; }

  // Fires the earliest timer so that the next look at the clock shows its deadline, then runs what
  // was posted, and what that posts.
  void fire_next_timer() {
    auto timer = timers_.extract(timers_.begin());
    now_ = timer.key() - 1us;
    timer.mapped()();
    while (!queue_.empty()) {
      for (Callback& callback : std::exchange(queue_, {})) callback();
    }
  }

 private:
  TimePoint now_{};
  std::multimap<TimePoint, Callback> timers_;
  std::vector<Callback> queue_;
};

Task<void> sleep_once(TaskGroup& group, bool& woken) { woken = co_await group.sleep_for(1ms); }

TEST(TaskGroup, ASleepEndsWithItsTimerHoweverLateItBegan) {
  PreemptedExecutor executor;
  TaskGroup group(executor);
  bool woken = false;
  group.spawn(sleep_once(group, woken));
  executor.fire_next_timer();
  EXPECT_TRUE(woken);
  EXPECT_EQ(group.size(), 0u);
}

Task<Status> fail_after(TaskGroup& group, Duration delay, const char* message) {
  (void)co_await group.sleep_for(delay);
  co_return fail(ErrorCode::kUnavailable, message);
}
Task<void> keep_both(Executor& executor, TaskGroup& group, Status& into) {
  into = co_await side_by_side(executor, fail_after(group, 2ms, "first"),
                               fail_after(group, 1ms, "second"));
}

TEST(SideBySide, BothAreWaitedForAndTheErrorOfTheFirstIsTold) {
  PreemptedExecutor executor;
  TaskGroup group(executor);
  Status status;
  group.spawn(keep_both(executor, group, status));
  executor.fire_next_timer();
  EXPECT_EQ(group.size(), 1u);
  executor.fire_next_timer();
  EXPECT_EQ(group.size(), 0u);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message, "first");
}

}  // namespace
}  // namespace thalweg::base
