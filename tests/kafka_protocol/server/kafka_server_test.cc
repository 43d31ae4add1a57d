#include "kafka_protocol/server/kafka_server.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "streamcore/base/log.h"
#include "streamcore/base/random.h"
#include "tests/kafka_protocol/server/echo_handler.h"
#include "tests/kafka_protocol/server/pause.h"
#include "tests/kafka_protocol/server/test_client.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::server {
namespace {

using namespace std::chrono_literals;

constexpr int16_t kProduce = 0;
constexpr int16_t kFetch = 1;

std::string millis(int n) { return std::string(1, static_cast<char>(n)); }

class KafkaServerTest : public testing::Test {
 protected:
  void TearDown() override {
    if (server_) EXPECT_TRUE(server_->stop(30s));
    server_.reset();
    cores_.stop_and_join();
  }

  void start(ServerOptions options = {}, ListenerOptions listener = {.bind = {"127.0.0.1", 0}}) {
    auto opened = Listener::open(std::move(listener));
    ASSERT_TRUE(opened) << opened.error().message;
    port_ = (*opened)->port();
    std::vector<std::unique_ptr<Listener>> listeners;
    listeners.push_back(std::move(*opened));
    cores_.start();
    server_ = std::make_unique<KafkaServer>(cores_, handler_, options, std::move(listeners));
    server_->start();
  }
  bool eventually(const std::function<bool()>& holds) { return pause_.until(holds); }

  Pause pause_;
  Cores cores_{3};
  EchoHandler handler_{cores_.home()};
  std::unique_ptr<KafkaServer> server_;
  uint16_t port_ = 0;
};

TEST_F(KafkaServerTest, AnswersInTheOrderOfTheRequestsWhateverFinishesFirst) {
  start();
  TestClient client(port_);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all +=
        i % 3 == 0 ? request(kProduce, i, 'd', millis((200 - i) / 4)) : request(kProduce, i, 'e');
  }
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 200; ++i) {
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->correlation_id, i);
  }
  EXPECT_GT(handler_.most_unfinished(), 50);
  EXPECT_EQ(handler_.starts_at_once_max(), 1);
}

TEST_F(KafkaServerTest, ProduceStartsWhileEarlierProduceIsUnfinished) {
  start();
  TestClient client(port_);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.send(request(kProduce, i, 'g', "x")));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 20; }));
  EXPECT_EQ(handler_.unfinished(), 20);
  handler_.open_gate();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.receive()->correlation_id, i);
}

TEST_F(KafkaServerTest, OtherRequestsWaitForEarlierOnesAndHoldUpLaterOnes) {
  start();
  TestClient client(port_);
  std::string all;
  for (int i = 0; i < 60; ++i) all += request(i % 4 == 3 ? kFetch : kProduce, i, 'd', millis(2));
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(client.receive()->correlation_id, i);
  EXPECT_LE(handler_.most_unfinished(), 3);  // three Produce between two Fetch
}

TEST_F(KafkaServerTest, AFetchIsNotStartedWhileAProduceIsUnfinished) {
  start();
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kProduce, 1, 'g') + request(kFetch, 2, 'e')));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 1; }));
  pause_.wait(20ms);
  EXPECT_EQ(handler_.started(), 1);
  handler_.open_gate();
  EXPECT_EQ(client.receive()->correlation_id, 1);
  EXPECT_EQ(client.receive()->correlation_id, 2);
}

TEST_F(KafkaServerTest, UnfinishedProduceIsBoundedByCountAndByBytes) {
  ServerOptions options;
  options.limits.in_flight_requests_max = 5;
  options.limits.in_flight_bytes_max = 3000;
  start(options);
  TestClient small(port_);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(small.send(request(kProduce, i, 'g')));
  TestClient large(port_);
  const std::string payload(1000, 'x');
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(large.send(request(kProduce, i, 'g', payload)));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 5 + 2; }));
  pause_.wait(20ms);
  EXPECT_EQ(handler_.started(), 5 + 2);
  handler_.open_gate();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(small.receive()->correlation_id, i);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(large.receive()->correlation_id, i);
}

TEST_F(KafkaServerTest, AFrameAboveTheInFlightLimitIsServedAlone) {
  ServerOptions options;
  options.limits.in_flight_bytes_max = 100;
  start(options);
  TestClient client(port_);
  const std::string payload(5000, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.send(request(kProduce, i, 'h', payload)));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.receive()->payload, payload);
  EXPECT_EQ(handler_.most_unfinished(), 1);
}

TEST_F(KafkaServerTest, NoResponseLeavesNoGapAndCloseComesAfterTheAnswersBeforeIt) {
  start();
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kProduce, 1, 'd', millis(20)) + request(kProduce, 2, 'n') +
                          request(kProduce, 3, 'h') + request(kProduce, 4, 'c') +
                          request(kProduce, 5, 'e')));
  EXPECT_EQ(client.receive()->correlation_id, 1);
  EXPECT_EQ(client.receive()->correlation_id, 3);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(KafkaServerTest, LargeFramesAndLargeResponsesPassWhole) {
  start();
  TestClient client(port_);
  base::SeededRandom random(7);
  for (const size_t size : {1u, 16'383u, 16'384u, 100'000u, 3'000'000u}) {
    std::string payload(size, '\0');
    for (char& c : payload) c = static_cast<char>(random.next());
    std::thread sender([&] { EXPECT_TRUE(client.send(request(kProduce, 9, 'e', payload))); });
    const auto answer = client.receive();
    sender.join();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->payload == payload) << size;
  }
  ASSERT_TRUE(client.send(request(kFetch, 10, 'b', millis(20))));
  EXPECT_EQ(client.receive()->payload.size(), 20u << 20);
}

TEST_F(KafkaServerTest, AFrameArrivingByteByByteIsServed) {
  start();
  TestClient client(port_);
  for (const char c : request(kFetch, 5, 'e', "slow") + request(kProduce, 6, 'h', "too")) {
    ASSERT_TRUE(client.send({&c, 1}));
  }
  EXPECT_EQ(client.receive()->payload, "slow");
  EXPECT_EQ(client.receive()->payload, "too");
}

TEST_F(KafkaServerTest, ANegativeOrOversizedLengthClosesWithOneLogLine) {
  ServerOptions options;
  options.limits.request_bytes_max = 1000;
  start(options);
  for (const char* length : {"\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\x00\x00\x03\xe9"}) {
    TestClient client(port_);
    ASSERT_TRUE(client.send({length, 4}));
    EXPECT_TRUE(client.closed_by_server());
  }
  EXPECT_EQ(base::count_log_lines("connection closed: a frame of"), 3);
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kFetch, 1, 'e', std::string(1000 - 11, 'x'))));
  EXPECT_TRUE(client.receive());
}

TEST_F(KafkaServerTest, AnswersWhatCameBeforeABadLength) {
  start();
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kProduce, 1, 'd', millis(20)) + "\xff\xff\xff\xff"));
  EXPECT_EQ(client.receive()->correlation_id, 1);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(KafkaServerTest, ATlsHandshakeOrHttpOnAPlainPortIsNamedAndClosed) {
  start();
  TestClient tls(port_);
  ASSERT_TRUE(tls.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9)));
  EXPECT_TRUE(tls.closed_by_server());
  EXPECT_EQ(base::count_log_lines("TLS handshake on a PLAINTEXT listener"), 1);
  TestClient http(port_);
  ASSERT_TRUE(http.send("GET /metrics HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(http.closed_by_server());
  EXPECT_EQ(base::count_log_lines("HTTP request on a Kafka listener"), 1);
}

TEST_F(KafkaServerTest, AHeaderThatDoesNotFitItsFrameCloses) {
  start();
  TestClient shorter(port_);
  ASSERT_TRUE(shorter.send(std::string_view("\0\0\0\3abc", 7)));
  EXPECT_TRUE(shorter.closed_by_server());
  TestClient client_id(port_);
  ASSERT_TRUE(client_id.send(std::string_view("\0\0\0\14\0\1\0\0\0\0\0\1\0\5ab", 16)));
  EXPECT_TRUE(client_id.closed_by_server());
  EXPECT_EQ(handler_.started(), 0);
}

TEST_F(KafkaServerTest, ManyConnectionsOnAllCores) {
  start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(std::make_unique<TestClient>(port_));
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(clients[i]->send(request(kProduce, i, 'h', "a") + request(kFetch, i, 'h', "bc")));
    }
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(clients[i]->receive()->payload, "a");
      EXPECT_EQ(clients[i]->receive()->payload, "bc");
    }
  }
  EXPECT_EQ(server_->connections().open(), 300u);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return server_->connections().open() == 0; }));
}

TEST_F(KafkaServerTest, ConnectionsAboveTheLimitAreClosedAndCounted) {
  start({.limits = {}, .connections_max = 2});
  TestClient a(port_);
  TestClient b(port_);
  ASSERT_TRUE(a.send(request(kFetch, 1, 'e')));
  ASSERT_TRUE(a.receive());
  ASSERT_TRUE(b.send(request(kFetch, 1, 'e')));
  ASSERT_TRUE(b.receive());
  TestClient c(port_);
  EXPECT_TRUE(c.closed_by_server());
  EXPECT_EQ(server_->connections().refused(), 1u);
  a.shutdown_sending();
  EXPECT_TRUE(a.closed_by_server());
  EXPECT_TRUE(eventually([&] { return server_->connections().open() == 1; }));
  TestClient d(port_);
  ASSERT_TRUE(d.send(request(kFetch, 1, 'e')));
  EXPECT_TRUE(d.receive());
}

TEST_F(KafkaServerTest, AClientThatLeavesWithRequestsUnfinishedIsJoined) {
  start();
  {
    TestClient client(port_);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.send(request(kProduce, i, 'g', "x")));
    EXPECT_TRUE(eventually([&] { return handler_.started() == 10; }));
  }
  pause_.wait(10ms);
  EXPECT_EQ(server_->connections().open(), 1u);
  handler_.open_gate();
  EXPECT_TRUE(eventually([&] { return server_->connections().open() == 0; }));
  EXPECT_EQ(handler_.unfinished(), 0);
}

TEST_F(KafkaServerTest, AHalfClosedClientStillGetsItsAnswers) {
  start();
  TestClient client(port_);
  ASSERT_TRUE(
      client.send(request(kProduce, 1, 'd', millis(30)) + request(kProduce, 2, 'd', millis(5))));
  client.shutdown_sending();
  EXPECT_EQ(client.receive()->correlation_id, 1);
  EXPECT_EQ(client.receive()->correlation_id, 2);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(KafkaServerTest, StopFinishesAndAnswersWhatBegan) {
  start();
  TestClient busy(port_);
  TestClient idle(port_);
  ASSERT_TRUE(idle.send(request(kFetch, 1, 'e')));
  ASSERT_TRUE(idle.receive());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(busy.send(request(kProduce, i, 'd', millis(50))));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 6; }));
  EXPECT_TRUE(server_->stop(30s));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(busy.receive()->correlation_id, i);
  EXPECT_TRUE(busy.closed_by_server());
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_FALSE(TestClient(port_).connected());
}

TEST_F(KafkaServerTest, StopGivesUpAtItsLimit) {
  start();
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kFetch, 1, 's', millis(200))));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 1; }));
  EXPECT_FALSE(server_->stop(1ms));
  EXPECT_TRUE(eventually([&] { return server_->connections().open() == 0; }));
}

TEST_F(KafkaServerTest, AClientThatNeverReadsIsBoundedAndClosed) {
  ServerOptions options;
  options.limits.write_stall_max = 50ms;
  options.limits.sweep_interval = 10ms;
  start(options);
  TestClient client(port_);
  for (int i = 0; i < 50; ++i) {
    if (!client.send(request(kFetch, i, 'b', millis(8)))) break;
  }
  EXPECT_TRUE(eventually([&] { return handler_.started() > 0; }));
  EXPECT_TRUE(eventually([&] { return server_->connections().open() == 0; }));
  EXPECT_LE(handler_.started(), 3);
  EXPECT_EQ(base::count_log_lines("read nothing of its responses"), 1);
}

TEST_F(KafkaServerTest, AClientThatReadsNothingDoesNotHoldUpTheStop) {
  ServerOptions options;
  options.limits.drain_max = 100ms;
  options.limits.sweep_interval = 10ms;
  start(options);
  TestClient stalled(port_);
  ASSERT_TRUE(stalled.send(request(kFetch, 1, 'b', millis(64))));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 1 && handler_.unfinished() == 0; }));
  EXPECT_TRUE(server_->stop(10s));
  EXPECT_EQ(base::count_log_lines("read nothing of its responses"), 1);
}

TEST_F(KafkaServerTest, ResponsesThatNobodyTakesHoldUpOnlyWhatIsNotProduce) {
  ServerOptions options;
  options.response_bytes_max = 1 << 20;
  options.limits.scarce_stall_max = 200ms;
  options.limits.sweep_interval = 10ms;
  start(options);
  TestClient stalled(port_);
  ASSERT_TRUE(stalled.send(request(kFetch, 1, 'b', millis(64))));
  EXPECT_TRUE(eventually([&] { return handler_.started() == 1 && handler_.unfinished() == 0; }));
  pause_.wait(20ms);
  TestClient producer(port_);
  ASSERT_TRUE(producer.send(request(kProduce, 2, 'e')));
  EXPECT_TRUE(producer.receive());
  EXPECT_EQ(server_->connections().open(), 2u);
  TestClient other(port_);
  ASSERT_TRUE(other.send(request(kFetch, 3, 'e')));
  EXPECT_TRUE(other.receive());  // once the one that reads nothing is closed
  EXPECT_EQ(base::count_log_lines("read nothing of its responses"), 1);
  EXPECT_TRUE(eventually([&] { return server_->connections().responses.used() == 0; }));
}

TEST_F(KafkaServerTest, LargeFramesTogetherTakeTheMemoryTheyAreGiven) {
  constexpr size_t kFrame = 1 << 20;
  ServerOptions options;
  options.request_bytes_max = 3 * kFrame;
  start(options);
  std::vector<std::unique_ptr<TestClient>> clients;
  const std::string frame = request(kProduce, 1, 'n', std::string(kFrame - 100, 'x'));
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<TestClient>(port_));
    ASSERT_TRUE(clients.back()->send(std::string_view(frame).substr(0, kFrame / 8)));
  }
  EXPECT_TRUE(eventually([&] { return server_->connections().requests.used() > 2 * kFrame; }));
  pause_.wait(50ms);
  EXPECT_LE(server_->connections().requests.used(), 3 * kFrame);
  std::vector<std::thread> rest;
  for (auto& client : clients) {
    rest.emplace_back([&] {
      EXPECT_TRUE(client->send(std::string_view(frame).substr(kFrame / 8)));
      EXPECT_TRUE(client->send(request(kProduce, 2, 'e')));
      EXPECT_TRUE(client->receive());
    });
  }
  for (std::thread& thread : rest) thread.join();
  clients.clear();
  EXPECT_TRUE(eventually([&] { return server_->connections().requests.used() == 0; }));
}

TEST_F(KafkaServerTest, IdleAndTooSlowConnectionsAreClosed) {
  ServerOptions options;
  options.limits.idle_max = 60ms;
  options.limits.frame_grace = 60ms;
  options.limits.sweep_interval = 10ms;
  start(options);
  TestClient idle(port_);
  EXPECT_TRUE(idle.closed_by_server());
  TestClient slow(port_);
  const std::string bytes = request(kFetch, 1, 'e', std::string(1000, 'x'));
  size_t sent = 0;
  while (sent < bytes.size() && slow.send({&bytes[sent], 1})) {
    ++sent;
    pause_.wait(5ms);
  }
  EXPECT_LT(sent, 200u);
  EXPECT_EQ(base::count_log_lines("arrives too slowly"), 1);
}

TEST_F(KafkaServerTest, AConnectionWithAnUnfinishedRequestIsNotIdle) {
  ServerOptions options;
  options.limits.idle_max = 30ms;
  options.limits.sweep_interval = 5ms;
  start(options);
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kFetch, 1, 'd', millis(200))));
  EXPECT_TRUE(client.receive());
}

TEST_F(KafkaServerTest, LocalhostAndWildcardListenOnBothFamilies) {
  start({}, {.bind = {"localhost", 0}});
  for (const bool v6 : {false, true}) {
    TestClient client(port_, v6);
    if (v6 && !client.connected()) GTEST_SKIP() << "no IPv6 here";
    ASSERT_TRUE(client.send(request(kFetch, 1, 'e')));
    ASSERT_TRUE(client.receive());
    EXPECT_EQ(handler_.last_connection().advertised, (Endpoint{"localhost", port_}));
    EXPECT_EQ(handler_.last_connection().local, (Endpoint{v6 ? "::1" : "127.0.0.1", port_}));
  }
}

TEST_F(KafkaServerTest, AWildcardAdvertisesTheAddressTheClientReached) {
  start({}, {.name = "INSIDE", .bind = {"", 0}});
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kFetch, 1, 'e')));
  ASSERT_TRUE(client.receive());
  EXPECT_EQ(handler_.last_connection().advertised, (Endpoint{"127.0.0.1", port_}));
  EXPECT_EQ(handler_.last_connection().listener, "INSIDE");
}

TEST_F(KafkaServerTest, AdvertisesWhatItIsTold) {
  start({}, {.bind = {"", 0}, .advertised = Endpoint{"broker.example", 19092}});
  TestClient client(port_);
  ASSERT_TRUE(client.send(request(kFetch, 1, 'e')));
  ASSERT_TRUE(client.receive());
  EXPECT_EQ(handler_.last_connection().advertised, (Endpoint{"broker.example", 19092}));
}

// Half of the frames are noise behind a true length, half are requests with one bit flipped, so
// that all of them reach the header or go beyond it.
std::string garbage_frame(base::Random& random, int i) {
  if (random.next() % 2 == 0) {
    std::string noise(random.next() % 64, '\0');
    for (char& c : noise) c = static_cast<char>(random.next());
    return std::string{0, 0, 0, static_cast<char>(noise.size())} + noise;
  }
  std::string frame =
      request(random.next() % 2 == 0 ? kProduce : kFetch, i, "ehn"[random.next() % 3]);
  const uint64_t bit = random.next() % (frame.size() * 8);
  frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ (1 << (bit % 8)));
  return frame;
}

TEST_F(KafkaServerTest, SurvivesTenThousandGarbageFrames) {
  ServerOptions options;
  options.limits.request_bytes_max = 4096;
  start(options);
  handler_.open_gate();
  base::SeededRandom random(20261120);
  for (int i = 0; i < 10000;) {
    TestClient client(port_);
    for (const int end = i + 4; i < end; ++i) (void)client.send(garbage_frame(random, i));
    client.shutdown_sending();
  }
  EXPECT_TRUE(eventually([&] { return server_->connections().open() == 0; }));
  EXPECT_GT(handler_.started(), 1000);
  EXPECT_EQ(handler_.unfinished(), 0);
  EXPECT_LE(base::count_log_lines("connection closed"), 3 * LogThrottle::kLinesPerSecond * 10);
  TestClient good(port_);
  ASSERT_TRUE(good.send(request(kFetch, 77, 'e', "alive")));
  EXPECT_EQ(good.receive()->payload, "alive");
}

TEST(ListenerTest, AnAddressInUseIsAnErrorThatNamesIt) {
  auto first = Listener::open({.bind = {"127.0.0.1", 0}});
  ASSERT_TRUE(first);
  const auto second = Listener::open({.bind = {"127.0.0.1", (*first)->port()}});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(to_string((*first)->addresses()[0])), std::string::npos);
}

}  // namespace
}  // namespace thalweg::server
