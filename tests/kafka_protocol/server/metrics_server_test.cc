// The metrics server as clients meet it, good ones and bad ones.
#include "kafka_protocol/server/metrics_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cores.h"
#include "kafka_protocol/server/metrics_text.h"
#include "tests/kafka_protocol/server/pause.h"
#include "tests/kafka_protocol/server/test_client.h"

namespace thalweg::server {
namespace {

class MetricsServerTest : public testing::Test {
 protected:
  void SetUp() override {
    cores_.start();
    auto listener = std::move(*Listener::open({.bind = {"127.0.0.1", 0}}));
    port_ = listener->port();
    server_.emplace(cores_.home(), std::move(listener), [] { return std::string("page\n"); });
    cores_.home().post([this] { server_->start(); });
  }
  void TearDown() override { EXPECT_TRUE(run_blocking(cores_.home(), stop())); }

  base::Task<base::Status> stop() {
    co_await server_->stop_and_join();
    co_return base::Status{};
  }
  // Everything that comes until the server closes.
  static std::string read_all(const TestClient& client) {
    std::string all;
    char bytes[1024];
    for (ssize_t count = 0; (count = ::recv(client.fd(), bytes, sizeof bytes, 0)) > 0;) {
      all.append(bytes, static_cast<size_t>(count));
    }
    return all;
  }
  std::string ask(std::string_view request) const {
    TestClient client(port_);
    EXPECT_TRUE(client.send(request));
    return read_all(client);
  }
  std::string first_line(std::string_view request) const {
    const std::string answer = ask(request);
    return answer.substr(0, answer.find("\r\n"));
  }

  Cores cores_{1};
  uint16_t port_ = 0;
  std::optional<MetricsServer> server_;
};

TEST_F(MetricsServerTest, PageIsAnsweredOnceAndTheConnectionClosed) {
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            "Content-Length: 5\r\nConnection: close\r\n\r\npage\n");
  EXPECT_EQ(first_line("GET /metrics?a=b HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK");
}

TEST_F(MetricsServerTest, EverythingElseIsRefused) {
  EXPECT_EQ(first_line("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(first_line("GET /metricsx HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(first_line("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_EQ(first_line("GET /metrics\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(first_line("\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(first_line("GET /metrics HTTP/1.1\r\nA: " + std::string(kMetricsRequestBytesMax, 'a')),
            "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_F(MetricsServerTest, ThoseWhoSayNothingTakeNobodysPlaceForEver) {
  std::vector<std::unique_ptr<TestClient>> silent;
  for (size_t i = 0; i < kMetricsClientsMax; ++i) {
    silent.push_back(std::make_unique<TestClient>(port_));
    EXPECT_TRUE(silent.back()->send("GET /metrics"));
  }
  EXPECT_EQ(first_line("GET /metrics HTTP/1.1\r\n\r\n"), "") << "one too many";
  silent.pop_back();
  Pause pause;
  EXPECT_TRUE(pause.until(
      [this] { return first_line("GET /metrics HTTP/1.1\r\n\r\n") == "HTTP/1.1 200 OK"; }));
  EXPECT_TRUE(silent.front()->closed_by_server());
}

TEST(MetricsText, FamiliesHaveHelpTypeAndSamples) {
  MetricsText text;
  text.counter("a_total", "What a is.");
  text.sample({}, 1);
  text.gauge("b", "What b is.");
  text.sample({{"x", "plain"}, {"y", "quo\"te\\ \n"}}, UINT64_MAX);
  EXPECT_EQ(text.text(),
            "# HELP a_total What a is.\n# TYPE a_total counter\na_total 1\n"
            "# HELP b What b is.\n# TYPE b gauge\n"
            "b{x=\"plain\",y=\"quo\\\"te\\\\  \"} 18446744073709551615\n");
}

}  // namespace
}  // namespace thalweg::server
