// What the store makes of a server that refuses, hangs, closes, cuts short and forgets to answer.
#include <gtest/gtest.h>

#include "streamcore/base/crc32c.h"
#include "streamcore/base/task_group.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

using base::ErrorCode;

class S3Faults : public testing::Test {
 protected:
  S3Faults() { reopen(quick_limits()); }

  void reopen(S3Limits limits) {
    store_.reset();
    store_ = std::move(*world_.open(world_.config(), limits));
  }
  base::Result<PutOutcome> put(std::string key, std::string_view text) {
    return world_.put(*store_, std::move(key), text);
  }
  std::string get(std::string key, std::optional<ByteRange> range = std::nullopt) {
    return world_.get(*store_, std::move(key), range);
  }
  int count(std::string_view method) const { return world_.server.count(method); }

  S3World world_;
  FakeS3& server_ = world_.server;
  std::unique_ptr<S3ObjectStore> store_;
};

TEST_F(S3Faults, PutWhoseAnswerWasLostFindsItsOwnObject) {
  server_.fail_next(Fault::kLostAnswer);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  EXPECT_EQ(count("PUT"), 2);
  EXPECT_EQ(count("HEAD"), 1);
  EXPECT_EQ(get("a"), "bytes");
}

TEST_F(S3Faults, PutThatFailedAfterItWasDoneFindsItsOwnObject) {
  server_.fail_next(Fault::kServerError);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
}

TEST_F(S3Faults, WhoseAnObjectIsIsNotToldByAnAnswerThatWasCut) {
  for (const Fault fault : {Fault::kServerError, Fault::kNone, Fault::kCutHead}) {
    server_.fail_next(fault);
  }
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  EXPECT_EQ(count("HEAD"), 2);
}

TEST_F(S3Faults, PutOfTheSameBytesByAnotherCallExists) {
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  server_.fail_next(Fault::kLostAnswer);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kExists);
}

TEST_F(S3Faults, PutIsUnknownIfWhatWasInItsWayIsGone) {
  server_.handle([](const FakeRequest& request) {
    return FakeReply{.status = request.method == "PUT" ? 412 : 404, .headers = {}, .body = {}};
  });
  EXPECT_EQ(put("a", "bytes").error().code, ErrorCode::kUnknownOutcome);
}

TEST_F(S3Faults, ConflictAndSlowDownAreTriedAgainWithTheSameRequest) {
  for (const Fault fault : {Fault::kConflict, Fault::kSlowDown, Fault::kLostRequest}) {
    server_.fail_next(fault);
  }
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  std::vector<std::string> nonces;
  for (const FakeRequest& request : server_.requests()) {
    if (request.method != "PUT") continue;
    EXPECT_EQ(request.body, "bytes");
    EXPECT_EQ(request.header("if-none-match"), "*");
    nonces.push_back(request.header("x-amz-meta-thalweg-nonce"));
  }
  EXPECT_EQ(nonces, std::vector<std::string>(4, nonces[0]));
}

TEST_F(S3Faults, PutThatNeverSucceedsIsUnknownAndReadsAreUnavailable) {
  for (const Fault fault : {Fault::kConflict, Fault::kSlowDown, Fault::kLostRequest,
                            Fault::kAccessDenied, Fault::kMissingBucket}) {
    server_.fail_always(fault);
    EXPECT_EQ(put("a", "bytes").error().code, ErrorCode::kUnknownOutcome);
    EXPECT_EQ(get("a"), "<unavailable>");
    EXPECT_EQ(world_.executor.run(store_->list("", "")).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(world_.executor.run(store_->remove("a")).error().code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kWarn, "object store fails"), 1);
  server_.fail_always(Fault::kNone);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  EXPECT_EQ(base::count_log_lines("object store answers again"), 1);
}

TEST_F(S3Faults, HangingServerIsGivenUpAndAskedAgain) {
  server_.fail_next(Fault::kHang);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  server_.fail_next(Fault::kHangInBody);
  EXPECT_EQ(get("a"), "bytes");
}

TEST_F(S3Faults, StoppedStoreEndsItsPausesAndAsksNothing) {
  S3Limits limits = quick_limits();
  limits.pause_min = limits.pause_max = std::chrono::hours(1);
  limits.call_time_max = std::chrono::hours(10);
  reopen(limits);
  server_.fail_always(Fault::kConflict);
  world_.executor.run_after(std::chrono::milliseconds(5), [this] { store_->stop(); });
  EXPECT_EQ(put("a", "bytes").error().code, ErrorCode::kUnknownOutcome);
  const size_t asked = server_.requests().size();
  EXPECT_EQ(get("a"), "<unavailable>");
  EXPECT_EQ(server_.requests().size(), asked);
}

TEST_F(S3Faults, CallEndsAtItsDeadline) {
  S3Limits limits = quick_limits();
  limits.call_time_max = std::chrono::milliseconds(300);
  reopen(limits);
  server_.fail_always(Fault::kHang);
  const base::TimePoint began = world_.executor.now();
  EXPECT_EQ(put("a", "bytes").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_LT(world_.executor.now() - began, std::chrono::milliseconds(900));
}

TEST_F(S3Faults, CutAnswerIsNeverTakenForTheObject) {
  ASSERT_TRUE(put("a", "0123456789").has_value());
  server_.fail_next(Fault::kCutBody);
  EXPECT_EQ(get("a"), "0123456789");
  server_.fail_next(Fault::kCutBody);
  EXPECT_EQ(get("a", ByteRange{2, 4}), "2345");
  for (const Fault fault : {Fault::kCutBody, Fault::kEndless}) {
    server_.fail_always(fault);
    EXPECT_EQ(get("a", ByteRange{2, 4}), "<unavailable>");
    EXPECT_EQ(get("a"), "<unavailable>");
    EXPECT_EQ(world_.executor.run(store_->list("", "")).error().code, ErrorCode::kUnavailable);
  }
}

TEST_F(S3Faults, WholeObjectIsNoAnswerToARange) {
  ASSERT_TRUE(put("a", "0123456789").has_value());
  server_.fail_always(Fault::kIgnoreRange);
  EXPECT_EQ(get("a", ByteRange{2, 4}), "<unavailable>");
  EXPECT_EQ(get("a", ByteRange{0, 10}), "<unavailable>");
}

TEST_F(S3Faults, MissingBucketIsNoMissingObject) {
  server_.fail_next(Fault::kMissingBucket);
  const auto got = world_.executor.run(store_->get("a", std::nullopt));
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(got.error().message.find("NoSuchBucket"), std::string::npos);
}

TEST_F(S3Faults, BytesDamagedBeforeTheyWereSentCreateNothing) {
  const std::string text(3 << 20, 'x');
  const base::Parts parts({base::as_bytes(text)}, base::crc32c(base::as_bytes(text)) ^ 1);
  EXPECT_EQ(world_.executor.run(store_->put_if_absent("a", parts)).error().code,
            ErrorCode::kCorrupt);
  const base::Parts nothing({}, 1);
  EXPECT_EQ(world_.executor.run(store_->put_if_absent("a", nothing)).error().code,
            ErrorCode::kCorrupt);
  EXPECT_TRUE(server_.objects.empty());
}

TEST_F(S3Faults, KnownCrcIsTold) {
  const base::Parts parts({base::as_bytes("123456789")}, base::crc32c(base::as_bytes("123456789")));
  server_.fail_next(Fault::kLostRequest);
  EXPECT_EQ(world_.executor.run(store_->put_if_absent("a", parts)).value(), PutOutcome::kCreated);
  EXPECT_EQ(server_.requests().back().header("x-amz-checksum-crc32c"), "4waSgw==");
}

TEST_F(S3Faults, ListThatIsNoListIsRefused) {
  for (const char* body :
       {"", "<html>", "<L><IsTruncated>true</IsTruncated></L>",
        "<L><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></L>",
        "<L><IsTruncated>false</IsTruncated><Contents><Key>b</Key><Size>1</Size></Contents>"
        "<Contents><Key>a</Key><Size>1</Size></Contents></L>"}) {
    server_.handle([body](const FakeRequest&) {
      return FakeReply{.status = 200, .headers = {}, .body = body};
    });
    EXPECT_EQ(world_.executor.run(store_->list("", "")).error().code, ErrorCode::kUnavailable)
        << body;
  }
}

base::Task<void> put_one(S3ObjectStore& store, std::string key, int* done) {
  *done += (co_await store.put_if_absent(std::move(key), {})).has_value() ? 1 : 0;
}

TEST_F(S3Faults, ConnectionsAreKeptAndLimited) {
  S3Limits limits = quick_limits();
  limits.http.connections_max = 4;
  reopen(limits);
  const size_t before = server_.connections();
  int done = 0;
  for (int round = 0; round < 3; ++round) {
    base::TaskGroup group(world_.executor);
    for (int i = 0; i < 20; ++i) {
      group.spawn(put_one(*store_, std::to_string(round) + "/" + std::to_string(i), &done));
    }
    world_.executor.run(base::as_value(group.stop_and_join()));
  }
  EXPECT_EQ(done, 60);
  EXPECT_LE(server_.connections() - before, 4u);
}

TEST_F(S3Faults, RepetitionsAreAFifthOfTheRequestsAndAReserve) {
  server_.fail_always(Fault::kSlowDown);
  constexpr int kCalls = 100;
  const size_t before = server_.requests().size();
  for (int i = 0; i < kCalls; ++i) EXPECT_FALSE(put("a", "x").has_value());
  const size_t sent = server_.requests().size() - before;
  EXPECT_LE(sent, static_cast<size_t>(kCalls + kCalls / kRequestsPerExtra + kExtrasAtStart));
  EXPECT_GE(sent, static_cast<size_t>(kCalls + kExtrasAtStart));
}

TEST_F(S3Faults, RefusalIsToldOnceWithoutSecrets) {
  const size_t before = server_.requests().size();
  server_.fail_always(Fault::kAccessDenied);
  const auto outcome = put("a", "bytes");
  EXPECT_EQ(server_.requests().size() - before, 1u) << "there is no use in asking again";
  EXPECT_NE(outcome.error().message.find("SignatureDoesNotMatch: so it is"), std::string::npos);
  const auto opened = world_.open(world_.config());
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message.find("s3://bucket/: GET: HTTP 403"), std::string::npos);
  EXPECT_EQ((outcome.error().message + opened.error().message).find("canary"), std::string::npos);
  EXPECT_EQ(base::count_log_lines("canary"), 0);
  EXPECT_EQ(server_.requests().back().header("x-amz-security-token"), "canary-token");
}

TEST_F(S3Faults, ServerThatIsNotThereIsNamed) {
  S3Config config = world_.config();
  config.host = "127.0.0.1:1";
  const auto opened = world_.open(config);
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message.find("127.0.0.1"), std::string::npos) << opened.error().message;
  config.host = "no-such-host.invalid";
  EXPECT_FALSE(world_.open(config).has_value());
}

}  // namespace
}  // namespace thalweg::object_store::s3
