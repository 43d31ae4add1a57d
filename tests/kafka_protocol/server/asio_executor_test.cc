#include "kafka_protocol/server/asio_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "kafka_protocol/server/timer_queue.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {
namespace {

using namespace std::chrono_literals;

// An executor on a thread of its own, stopped and joined at the end.
struct Running {
  AsioExecutor executor;
  std::thread thread{[this] { executor.run(); }};
  ~Running() {
    executor.stop();
    thread.join();
  }
};

TEST(AsioExecutor, RunsLocalPostsInOrderAfterTheCurrentCallback) {
  AsioExecutor executor;
  std::vector<int> order;
  executor.post([&] {
    executor.post([&] { order.push_back(2); });
    executor.post([&] {
      order.push_back(3);
      executor.stop();
    });
    order.push_back(1);
  });
  executor.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(AsioExecutor, KeepsTheOrderOfEachSenderAcrossThreads) {
  constexpr int kExecutors = 4;
  constexpr int kMessages = 5000;
  std::vector<std::unique_ptr<Running>> running;
  for (int i = 0; i < kExecutors; ++i) running.push_back(std::make_unique<Running>());
  int next[kExecutors][kExecutors] = {};  // [receiver][sender], touched by the receiver only
  std::atomic<int> received{0};
  std::atomic<int> out_of_order{0};
  for (int from = 0; from < kExecutors; ++from) {
    running[from]->executor.post([&, from] {
      for (int i = 0; i < kMessages; ++i) {
        for (int to = 0; to < kExecutors; ++to) {
          running[to]->executor.post([&, from, to, i] {
            if (next[to][from]++ != i) ++out_of_order;
            ++received;
          });
        }
      }
    });
  }
  while (received.load() < kExecutors * kExecutors * kMessages) std::this_thread::yield();
  EXPECT_EQ(out_of_order.load(), 0);
}

TEST(AsioExecutor, TimersRunInOrderOfTheirDeadlinesAndCancelledOnesNever) {
  AsioExecutor executor;
  std::vector<int> order;
  executor.post([&] {
    executor.run_after(30ms, [&] {
      order.push_back(3);
      executor.stop();
    });
    executor.run_after(10ms, [&] { order.push_back(1); });
    const base::TimerId cancelled = executor.run_after(15ms, [&] { order.push_back(99); });
    executor.run_after(20ms, [&] { order.push_back(2); });
    EXPECT_TRUE(executor.cancel(cancelled));
    EXPECT_FALSE(executor.cancel(cancelled));
  });
  executor.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(AsioExecutor, AnEarlierTimerSetLaterShortensTheSleep) {
  AsioExecutor executor;
  const auto start = executor.now();
  executor.post([&] {
    executor.run_after(60s, [] {});
    executor.post([&] { executor.run_after(5ms, [&] { executor.stop(); }); });
  });
  executor.run();
  EXPECT_LT(executor.now() - start, 30s);
}

TEST(AsioExecutor, YieldingForEverDoesNotStarveTimers) {
  AsioExecutor executor;
  bool done = false;
  std::function<void()> again = [&] {
    if (!done) executor.post([&] { again(); });
  };
  executor.post([&] {
    executor.run_after(5ms, [&] {
      done = true;
      executor.stop();
    });
    again();
  });
  executor.run();
  EXPECT_TRUE(done);
}

base::Task<void> hop(AsioExecutor& a, AsioExecutor& b, std::atomic<int>& wrong,
                     std::atomic<bool>& done) {
  for (int i = 0; i < 1000; ++i) {
    co_await base::switch_to(b);
    if (!b.is_current()) ++wrong;
    co_await base::switch_to(a);
    if (!a.is_current()) ++wrong;
  }
  done = true;
}

TEST(AsioExecutor, ACoroutineHopsBetweenExecutors) {
  Running a;
  Running b;
  std::atomic<int> wrong{0};
  std::atomic<bool> done{false};
  std::unique_ptr<base::TaskGroup> group;
  a.executor.post([&] {
    group = std::make_unique<base::TaskGroup>(a.executor);
    group->spawn(hop(a.executor, b.executor, wrong, done));
  });
  while (!done.load()) std::this_thread::yield();
  std::atomic<bool> freed{false};
  a.executor.post([&] {
    group.reset();
    freed = true;
  });
  while (!freed.load()) std::this_thread::yield();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(AsioExecutor, DropsUnrunCallbacksWhenDestroyed) {
  auto token = std::make_shared<int>(1);
  {
    AsioExecutor executor;
    executor.post([token] { FAIL(); });
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(TimerQueue, ForgetsCancelledTimersInsteadOfGrowing) {
  TimerQueue timers;
  const base::TimePoint now{};
  for (int i = 0; i < 100000; ++i) EXPECT_TRUE(timers.cancel(timers.add(now + 1h, [] {})));
  EXPECT_EQ(timers.size(), 0u);
  EXPECT_FALSE(timers.earliest().has_value());
  EXPECT_FALSE(timers.take_due(now + 2h).has_value());
}

}  // namespace
}  // namespace thalweg::server
