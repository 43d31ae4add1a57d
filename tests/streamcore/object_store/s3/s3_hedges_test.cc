// What the store does about requests that are not answered in time, and what it may spend on it.
#include <gtest/gtest.h>

#include <set>

#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

using std::chrono::milliseconds;

class S3Hedges : public testing::Test {
 protected:
  S3Hedges() { reopen(hedging_limits()); }

  void reopen(S3Limits limits) {
    store_.reset();
    store_ = std::move(*world_.open(world_.config(), limits));
  }
  base::Result<PutOutcome> put(std::string key, std::string_view text) {
    return world_.put(*store_, std::move(key), text);
  }
  std::string get(std::string key) { return world_.get(*store_, std::move(key)); }
  // How long the call took.
  template <class Call>
  base::Duration duration_of(Call call) {
    const base::TimePoint began = world_.executor.now();
    call();
    return world_.executor.now() - began;
  }
  int count(std::string_view method) const { return server_.count(method); }

  S3World world_;
  FakeS3& server_ = world_.server;
  std::unique_ptr<S3ObjectStore> store_;
};

TEST_F(S3Hedges, WhatIsNotAnsweredIsAskedAgainOverAnotherConnection) {
  ASSERT_TRUE(put("a", "bytes").has_value());
  server_.fail_next(Fault::kHangUndone);
  server_.fail_next(Fault::kHangUndone);
  EXPECT_LT(duration_of([&] { EXPECT_EQ(get("a"), "bytes"); }), milliseconds(900));
  std::set<size_t> connections;
  for (const FakeRequest& request : server_.requests()) {
    if (request.method == "GET" && request.query.empty()) connections.insert(request.connection);
  }
  EXPECT_EQ(connections.size(), 3u);
}

TEST_F(S3Hedges, PutThatWasDoneButNotAnsweredFindsItsOwnObject) {
  server_.fail_next(Fault::kHang);
  EXPECT_LT(duration_of([&] { EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated); }),
            milliseconds(900));
  EXPECT_EQ(count("PUT"), 2);
  EXPECT_EQ(count("HEAD"), 1);
}

TEST_F(S3Hedges, PutThatNeverArrivedIsCreatedBySecondAttemptWithTheSameNonce) {
  server_.fail_next(Fault::kHangUndone);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  const auto& sent = server_.requests();
  EXPECT_EQ(sent.back().method, "PUT");
  EXPECT_EQ(sent.back().header("x-amz-meta-thalweg-nonce"),
            sent[sent.size() - 2].header("x-amz-meta-thalweg-nonce"));
}

TEST_F(S3Hedges, PutOfAnotherWriterStillWins) {
  ASSERT_TRUE(put("a", "first").has_value());
  server_.fail_next(Fault::kHang);
  EXPECT_EQ(put("a", "second").value(), PutOutcome::kExists);
}

TEST_F(S3Hedges, ErrorOfOneAttemptDoesNotEndTheOther) {
  ASSERT_TRUE(put("a", "bytes").has_value());
  for (const Fault fault : {Fault::kConflict, Fault::kLostRequest, Fault::kSlowDown}) {
    server_.fail_next(Fault::kLate);
    server_.fail_next(fault);
    const int before = count("GET");
    EXPECT_EQ(get("a"), "bytes");
    if (fault == Fault::kSlowDown) {
      EXPECT_EQ(count("GET") - before, 2) << "a server that is asked too much is asked again";
    }
  }
}

TEST_F(S3Hedges, AnswerThatHasBegunIsWaitedFor) {
  ASSERT_TRUE(put("a", "bytes").has_value());
  server_.fail_next(Fault::kHangInBody);
  const int before = count("GET");
  EXPECT_GE(duration_of([&] { EXPECT_EQ(get("a"), "bytes"); }), milliseconds(900));
  EXPECT_EQ(count("GET") - before, 2) << "one repetition when the body stood still";
}

TEST_F(S3Hedges, LargeBodiesAreNotSentTwice) {
  S3Limits limits = hedging_limits();
  limits.hedges.body_bytes_max = 4;
  reopen(limits);
  server_.fail_next(Fault::kLate);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  EXPECT_EQ(count("PUT"), 1);
}

TEST_F(S3Hedges, NothingWaitsForAConnectionBehindAHedge) {
  S3Limits limits = hedging_limits();
  limits.http.connections_max = 1;
  reopen(limits);
  server_.fail_next(Fault::kLate);
  EXPECT_EQ(put("a", "bytes").value(), PutOutcome::kCreated);
  EXPECT_EQ(count("PUT"), 1);
}

// Nothing is ever answered; what is left in the end is for repetitions.
TEST_F(S3Hedges, HedgesAreAFifthOfTheRequestsAndAReserve) {
  S3Limits limits = hedging_limits();
  limits.call_time_max = milliseconds(250);
  limits.hedges.patience_at_first = milliseconds(10);
  reopen(limits);
  server_.fail_always(Fault::kHangUndone);
  constexpr int kCalls = 15;
  const size_t before = server_.requests().size();
  for (int i = 0; i < kCalls; ++i) EXPECT_FALSE(put(std::to_string(i), "x").has_value());
  const auto hedges = static_cast<int>(server_.requests().size() - before) - kCalls;
  EXPECT_LE(hedges, kCalls / kRequestsPerExtra + kExtrasAtStart - kExtrasKeptForRepetitions);
  EXPECT_GE(hedges, kExtrasAtStart - kExtrasKeptForRepetitions);
  base::take_log_lines(base::LogLevel::kWarn, "object store fails");
}

TEST_F(S3Hedges, WhatIsSentIsCountedByKindAndArea) {
  RequestCounts& counts = world_.counts;
  ASSERT_TRUE(put("meta/a", "bytes").has_value());
  server_.fail_next(Fault::kSlowDown);
  server_.fail_next(Fault::kHangUndone);
  EXPECT_EQ(get("meta/a"), "bytes");
  ASSERT_TRUE(put("c/1/2", "12").has_value());
  ASSERT_TRUE(world_.executor.run(store_->remove("c/1/2")).has_value());
  ASSERT_TRUE(world_.executor.run(store_->list("c/", "")).has_value());
  const RequestCounts::Kind& gets = counts.of("meta/", RequestKind::kGet);
  EXPECT_EQ(gets.requests, 3u);
  EXPECT_EQ(gets.repetitions, 1u);
  EXPECT_EQ(gets.hedges, 1u);
  EXPECT_GE(gets.received_bytes, 5u);
  EXPECT_EQ(counts.of("meta", RequestKind::kPut).sent_bytes, 5u);
  EXPECT_EQ(counts.of("c", RequestKind::kPut).requests, 1u);
  EXPECT_EQ(counts.of("c", RequestKind::kDelete).requests, 1u);
  EXPECT_EQ(counts.of("c", RequestKind::kList).requests, 1u);
  uint64_t sent = 0;
  for (const auto& [area, kinds] : counts.areas) {
    for (const RequestCounts::Kind& kind : kinds) sent += kind.requests;
  }
  EXPECT_EQ(sent, server_.requests().size());
  for (int i = 0; i < 50; ++i) counts.of(std::to_string(i) + "/", RequestKind::kPut);
  EXPECT_LE(counts.areas.size(), RequestCounts::kAreasMax + 1);
}

TEST(RequestBudget, ExtrasAreAFifthAndWhatWasSaved) {
  RequestBudget budget;
  constexpr int kRequests = 10'000;
  for (int i = 0; i < kRequests; ++i) budget.earn();
  int taken = 0;
  while (budget.take_hedge()) ++taken;
  EXPECT_EQ(taken, kExtrasSavedMax - kExtrasKeptForRepetitions);
  while (budget.take_repetition()) ++taken;
  EXPECT_EQ(taken, kExtrasSavedMax);
  for (int i = 0; i < kRequests; ++i) {
    budget.earn();
    if (budget.take_repetition()) ++taken;
  }
  EXPECT_EQ(taken, kExtrasSavedMax + kRequests / kRequestsPerExtra);
}

TEST(AnswerTimes, SlowRequestsAreNotTakenForUsualUntilTheyAreTheMost) {
  const HedgeLimits limits;
  AnswerTimes times;
  EXPECT_EQ(times.patience(limits), limits.patience_at_first);
  for (int i = 0; i < 100; ++i) {
    times.note(i % 5 < 2 ? base::Duration(std::chrono::seconds(3)) : milliseconds(40));
  }
  EXPECT_EQ(times.patience(limits), limits.medians * milliseconds(40));
  for (int i = 0; i < 64; ++i) times.note(std::chrono::seconds(3));
  EXPECT_EQ(times.patience(limits), limits.medians * std::chrono::seconds(3));
  for (int i = 0; i < 64; ++i) times.note(milliseconds(1));
  EXPECT_EQ(times.patience(limits), limits.patience_min);
}

}  // namespace
}  // namespace thalweg::object_store::s3
