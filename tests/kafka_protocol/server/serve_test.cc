#include "kafka_protocol/server/serve.h"

#include <gtest/gtest.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/shutdown_signals.h"
#include "kafka_protocol/server/welcome.h"
#include "tests/kafka_protocol/server/echo_handler.h"
#include "tests/kafka_protocol/server/pause.h"
#include "tests/kafka_protocol/server/test_client.h"

namespace thalweg::server {
namespace {

using namespace std::chrono_literals;

class EchoBackend final : public Backend {
 public:
  EchoBackend(Cores& cores, base::Status close_status)
      : handler_(cores.home()), close_status_(std::move(close_status)) {}
  RequestHandler& handler() override { return handler_; }
  void write_metrics(MetricsText& text) const override {
    text.gauge("echoes", "None.");
    text.sample({}, 7);
  }
  base::Task<base::Status> close() override { co_return close_status_; }

 private:
  EchoHandler handler_;
  base::Status close_status_;
};

uint16_t free_port() {
  auto listener = Listener::open({.bind = {"127.0.0.1", 0}});
  return (*listener)->port();
}

// Serves on a thread-free process (a death test's child); `client` runs beside it and sends the
// signals.
[[noreturn]] void serve_beside(uint16_t port, base::Status close_status,
                               const std::function<void(Pause&)>& client) {
  const ShutdownSignals blocked;  // in the client's thread too
  std::thread beside([&client] {
    Pause pause;
    client(pause);
  });
  beside.detach();
  Config config;
  CHECK(config.set("listeners", "PLAINTEXT://127.0.0.1:" + std::to_string(port), "test"));
  const auto open = [&](const Config&, Cores& cores) {
    return base::Result<std::unique_ptr<Backend>>(
        std::make_unique<EchoBackend>(cores, close_status));
  };
  std::exit(serve(config, open, std::cout, std::cerr));
}

void wait_listening(Pause& pause, uint16_t port) {
  CHECK(pause.until([port] { return TestClient(port).connected(); }));
}

class ServeDeathTest : public testing::Test {
 protected:
  void SetUp() override { testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};

TEST_F(ServeDeathTest, ASignalDrainsAndExitsWithZero) {
  const uint16_t port = free_port();
  EXPECT_EXIT(serve_beside(port, {},
                           [port](Pause& pause) {
                             wait_listening(pause, port);
                             TestClient client(port);
                             CHECK(client.send(request(0, 1, 'd', std::string(1, 100))));
                             pause.wait(50ms);
                             ::kill(::getpid(), SIGTERM);
                             const auto answer = client.receive();
                             CHECK(answer && answer->correlation_id == 1);
                             pause.wait(60s);
                           }),
              testing::ExitedWithCode(0), "stopped");
}

TEST_F(ServeDeathTest, ASecondSignalEndsAtOnce) {
  const uint16_t port = free_port();
  EXPECT_EXIT(serve_beside(port, {},
                           [port](Pause& pause) {
                             wait_listening(pause, port);
                             TestClient client(port);
                             CHECK(client.send(request(1, 1, 's', std::string(1, '\xff'))));
                             pause.wait(50ms);
                             ::kill(::getpid(), SIGINT);
                             pause.wait(50ms);
                             ::kill(::getpid(), SIGINT);
                             pause.wait(60s);
                           }),
              testing::KilledBySignal(SIGINT), "stopping");
}

TEST_F(ServeDeathTest, AFailedCloseExitsWithOne) {
  const uint16_t port = free_port();
  EXPECT_EXIT(serve_beside(port, base::fail(base::ErrorCode::kUnavailable, "disk gone"),
                           [port](Pause& pause) {
                             wait_listening(pause, port);
                             ::kill(::getpid(), SIGTERM);
                             pause.wait(60s);
                           }),
              testing::ExitedWithCode(kExitFailed), "disk gone");
}

TEST_F(ServeDeathTest, AnAddressInUseExitsWithOneAndABadListenerWithTwo) {
  auto taken = Listener::open({.bind = {"127.0.0.1", 0}});
  const auto never = [](const Config&, Cores&) -> base::Result<std::unique_ptr<Backend>> {
    return base::fail(base::ErrorCode::kClosed, "not reached");
  };
  Config config;
  ASSERT_TRUE(config.set("listeners", "A://127.0.0.1:" + std::to_string((*taken)->port()), "test"));
  EXPECT_EXIT(std::exit(serve(config, never, std::cout, std::cerr)),
              testing::ExitedWithCode(kExitFailed), "in use");
  ASSERT_TRUE(config.set("listeners", "nonsense", "test"));
  EXPECT_EXIT(std::exit(serve(config, never, std::cout, std::cerr)),
              testing::ExitedWithCode(kExitMisuse), "listeners");
}

base::Task<int> answer(base::Executor& there) {
  co_await base::switch_to(there);
  co_return 42;
}

TEST(RunBlocking, ReturnsTheValueWhereverTheTaskEnded) {
  Cores cores(2);
  cores.start();
  EXPECT_EQ(run_blocking(cores.home(), answer(cores.at(1))), 42);
}

TEST(Welcome, NamesEveryAddressAndWhatIsAdvertised) {
  std::vector<std::unique_ptr<Listener>> listeners;
  listeners.push_back(std::move(*Listener::open({.name = "IN", .bind = {"", 0}})));
  listeners.push_back(std::move(*Listener::open(
      {.name = "OUT", .bind = {"127.0.0.1", 0}, .advertised = Endpoint{"public.example", 443}})));
  const std::string text = welcome(listeners, "/data");
  EXPECT_NE(text.find("0.0.0.0:" + std::to_string(listeners[0]->port())), std::string::npos);
  EXPECT_NE(text.find("the address it reached"), std::string::npos);
  EXPECT_NE(text.find("advertises public.example:443"), std::string::npos);
  EXPECT_NE(text.find("kcat -b localhost:" + std::to_string(listeners[0]->port())),
            std::string::npos);
}

}  // namespace
}  // namespace thalweg::server
