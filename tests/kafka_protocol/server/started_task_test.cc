#include "streamcore/base/started_task.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cores.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {
namespace {

// Every other one ends at once, the rest when what was posted before them has run.
base::StartedTask<int> answer(base::Executor& home, int n) {
  if (n % 2 == 0) co_await base::yield(home);
  co_return n;
}

base::Task<bool> ask(base::Executor& home, base::Executor& away, int n) {
  co_await base::switch_to(home);
  base::StartedTask<int> answered = answer(home, n);
  co_await base::switch_to(away);
  const int value = co_await answered.on(away);
  co_return away.is_current() && value == n;
}

base::Task<bool> ask_many(base::Executor& home, base::Executor& away) {
  for (int n = 0; n < 10'000; ++n) {
    if (!co_await ask(home, away, n)) co_return false;
  }
  co_return true;
}

TEST(StartedTask, GivesItsValueWhereItIsAwaitedWhicheverSideIsFirst) {
  Cores cores(2);
  cores.start();
  EXPECT_TRUE(run_blocking(cores.home(), ask_many(cores.home(), cores.at(1))));
  cores.stop_and_join();
}

TEST(StartedTask, RunsBeforeAnybodyAwaitsIt) {
  Cores cores(1);
  cores.start();
  bool began = false;
  const auto start = [](base::Executor& home, bool& flag) -> base::StartedTask<bool> {
    flag = true;
    co_await base::yield(home);
    co_return true;
  };
  const auto check = [&](base::Executor& home) -> base::Task<bool> {
    co_await base::switch_to(home);
    base::StartedTask<bool> task = start(home, began);
    const bool at_once = began;
    co_return co_await task.on(home) && at_once;
  };
  EXPECT_TRUE(run_blocking(cores.home(), check(cores.home())));
  cores.stop_and_join();
}

}  // namespace
}  // namespace thalweg::server
