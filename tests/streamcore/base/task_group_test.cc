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
  // was posted.
  void fire_next_timer() {
    auto timer = timers_.extract(timers_.begin());
    now_ = timer.key() - 1us;
    timer.mapped()();
    for (Callback& callback : std::exchange(queue_, {})) callback();
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

}  // namespace
}  // namespace thalweg::base
