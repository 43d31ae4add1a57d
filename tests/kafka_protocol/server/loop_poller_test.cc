#include "kafka_protocol/server/loop_poller.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace thalweg::server {
namespace {

using namespace std::chrono_literals;

// A descriptor that is readable once poke() was called, seen through an epoll as libcurl's are.
class Poked {
 public:
  Poked() {
    epoll_event event{};
    event.events = EPOLLIN;
    EXPECT_EQ(::epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event), 0);
  }
  ~Poked() {
    ::close(event_);
    ::close(epoll_);
  }
  int fd() const { return epoll_; }
  void poke() { EXPECT_EQ(::eventfd_write(event_, 1), 0); }
  void take() {
    eventfd_t value = 0;
    EXPECT_EQ(::eventfd_read(event_, &value), 0);
  }

 private:
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  int event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

TEST(LoopPoller, TellsEachTimeAndAgainWhileNothingWasTaken) {
  AsioExecutor executor;
  LoopPoller poller(executor);
  Poked poked;
  int told = 0;
  std::unique_ptr<base::FdPoller::Watch> watch;
  executor.post([&] {
    watch = poller.watch_readable(poked.fd(), [&] {
      if (++told < 3) return;  // nothing is taken: it is still readable
      poked.take();
      if (told == 4) return executor.stop();
      executor.run_after(1ms, [&] { poked.poke(); });
    });
    executor.run_after(1ms, [&] { poked.poke(); });
  });
  executor.run();
  EXPECT_EQ(told, 4);
  watch.reset();  // after the loop ended, as when a process stops
}

TEST(LoopPoller, OthersHaveTheirTurnWhileADescriptorStaysReadable) {
  constexpr int kCallsMax = 10'000;
  AsioExecutor executor;
  LoopPoller poller(executor);
  Poked poked;
  int calls = 0;
  std::unique_ptr<base::FdPoller::Watch> watch;
  executor.post([&] {
    watch = poller.watch_readable(poked.fd(), [&] {
      if (++calls == 1) executor.post([&] { executor.stop(); });
      if (calls == kCallsMax) poked.take();  // else a test that fails would not end
    });
    poked.poke();
  });
  executor.run();
  EXPECT_LT(calls, kCallsMax);
  watch.reset();
}

TEST(LoopPoller, WatchThatIsGoneTellsNothingAndLeavesTheDescriptorOpen) {
  AsioExecutor executor;
  LoopPoller poller(executor);
  Poked poked;
  bool told = false;
  std::unique_ptr<base::FdPoller::Watch> watch;
  executor.post([&] {
    watch = poller.watch_readable(poked.fd(), [&] { told = true; });
    poked.poke();
    watch.reset();
    executor.run_after(20ms, [&] { executor.stop(); });
  });
  executor.run();
  EXPECT_FALSE(told);
  EXPECT_NE(::fcntl(poked.fd(), F_GETFD), -1);
}

TEST(LoopPoller, WatchMayEndItself) {
  AsioExecutor executor;
  LoopPoller poller(executor);
  Poked poked;
  std::unique_ptr<base::FdPoller::Watch> watch;
  executor.post([&] {
    watch = poller.watch_readable(poked.fd(), [&] {
      watch.reset();
      executor.run_after(20ms, [&] { executor.stop(); });
    });
    poked.poke();
  });
  executor.run();
  EXPECT_EQ(watch, nullptr);
}

}  // namespace
}  // namespace thalweg::server
