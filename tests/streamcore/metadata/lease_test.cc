#include "streamcore/metadata/lease.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "streamcore/base/log.h"
#include "streamcore/metadata/memory_metadata_store.h"
#include "streamcore/metadata/owned_metadata_store.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::metadata {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;
using sim::run;
using namespace std::chrono_literals;

// One owner's way to the metadata: it may be slow, hang, or lose the answer of a commit.
class Way final : public MetadataStore {
 public:
  Way(base::Executor& executor, MetadataStore& store) : executor_(executor), store_(store) {}

  base::Duration delay{0};  // until a commit arrives
  bool cut = false;         // nothing arrives, nothing is answered, until it is mended
  int lose_answers = 0;
  int commits = 0;
  int looks = 0;

  Task<Result<std::optional<std::string>>> get(std::string key) override {
    ++looks;
    co_await arrive();
    co_return co_await store_.get(std::move(key));
  }
  Task<Result<std::vector<KeyValue>>> scan(std::string prefix, std::string start_after,
                                           size_t limit) override {
    co_return co_await store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  Task<Status> commit(Transaction transaction) override {
    ++commits;
    co_await base::sleep_for(executor_, delay);
    co_await arrive();
    const Status done = co_await store_.commit(std::move(transaction));
    if (lose_answers == 0) co_return done;
    --lose_answers;
    co_return base::fail(ErrorCode::kUnknownOutcome, "the answer was lost");
  }

 private:
  Task<void> arrive() {
    while (cut) co_await base::sleep_for(executor_, 10ms);
  }
  base::Executor& executor_;
  MetadataStore& store_;
};

struct Listener final : LeaseListener {
  void lease_renewed() override { ++renewed; }
  void lease_lost(const base::Error& error) override {
    EXPECT_FALSE(lost);
    lost = error;
  }
  int renewed = 0;
  std::optional<base::Error> lost;
};

class LeaseTest : public testing::Test {
 protected:
  static constexpr auto kLength = 3000ms;
  // One owner, with everything of its own but the metadata.
  struct Owner {
    Owner(LeaseTest& test, std::string name, std::chrono::milliseconds length)
        : way(test.executor_, test.store_),
          lease({test.executor_, test.clock_, test.random_, way}, std::move(name),
                {.length = length}),
          metadata(way, lease) {
      lease.listen(listener);
    }
    Way way;
    Listener listener;
    Lease lease;
    OwnedMetadataStore metadata;
  };
  LeaseTest() {
    base::set_log_sink([this](base::LogLevel level, std::string_view line) {
      if (level == base::LogLevel::kError) errors_.emplace_back(line);
    });
  }
  ~LeaseTest() override {
    base::set_log_sink({});
    EXPECT_EQ(errors_.size(), alarms_expected_) << (errors_.empty() ? "" : errors_.front());
  }

  std::unique_ptr<Owner> make(std::string name, std::chrono::milliseconds length = kLength) {
    return std::make_unique<Owner>(*this, std::move(name), length);
  }
  std::unique_ptr<Owner> make_holder(std::string name = "the first") {
    auto owner = make(std::move(name));
    EXPECT_TRUE(run(executor_, owner->lease.acquire()).has_value());
    return owner;
  }
  // Relies on it all the time.
  void work(Owner& owner, base::Duration for_so_long) {
    for (const auto end = executor_.now() + for_so_long; executor_.now() < end;) {
      (void)owner.lease.holds();
      executor_.run_for(50ms);
    }
  }
  Status set(Owner& owner, std::string key, std::string value) {
    return run(executor_, owner.metadata.commit(Transaction().set(key, value)));
  }
  base::Duration took(base::TimePoint since) { return executor_.now() - since; }

  sim::SimExecutor executor_;
  sim::SimClock clock_{executor_};
  base::SeededRandom random_{3};
  MemoryMetadataStore store_{executor_};
  std::vector<std::string> errors_;
  size_t alarms_expected_ = 0;
};

TEST_F(LeaseTest, TheFirstOwnerDoesNotWait) {
  const auto owner = make("a");
  EXPECT_FALSE(owner->lease.valid());
  const auto began = executor_.now();
  ASSERT_TRUE(run(executor_, owner->lease.acquire()).has_value());
  EXPECT_EQ(took(began), 0ms);
  EXPECT_TRUE(owner->lease.valid());
}

TEST_F(LeaseTest, IsKeptRenewedForWhoReliesOnIt) {
  const auto owner = make_holder();
  for (int i = 0; i < 100; ++i) {
    work(*owner, 300ms);
    EXPECT_TRUE(owner->lease.valid());
  }
  EXPECT_LE(owner->way.commits, 1 + 30 / 1.5);
}

TEST_F(LeaseTest, LapsesWithoutAWriteWhenNobodyDoes) {
  const auto owner = make_holder();
  work(*owner, 10s);
  executor_.run_for(kLength);
  const int commits = owner->way.commits;
  executor_.run_for(1h);
  EXPECT_FALSE(owner->lease.valid());
  EXPECT_EQ(owner->way.commits, commits);
  EXPECT_FALSE(owner->lease.lost());
}

TEST_F(LeaseTest, ALapsedOneIsRenewedOnceForAllWhoWait) {
  const auto owner = make_holder();
  executor_.run_for(1min);
  owner->way.delay = 100ms;
  const int commits = owner->way.commits;
  int proven = 0;
  base::TaskGroup readers(executor_);
  const auto read = [](Lease& lease, int& count) -> Task<void> {
    if (co_await lease.prove()) ++count;
  };
  for (int i = 0; i < 10; ++i) readers.spawn(read(owner->lease, proven));
  EXPECT_FALSE(owner->lease.valid());
  executor_.run_for(150ms);
  EXPECT_EQ(proven, 10);
  executor_.run_for(1min);
  EXPECT_EQ(owner->way.commits, commits + 1);
  EXPECT_EQ(owner->listener.renewed, 1);
}

TEST_F(LeaseTest, IsTrustedFromBeforeTheRenewalWasSent) {
  const auto owner = make_holder();
  executor_.run_for(1min);
  owner->way.delay = 2s;
  ASSERT_TRUE(run(executor_, owner->lease.prove()).has_value());
  executor_.run_for(900ms);
  EXPECT_TRUE(owner->lease.valid());
  executor_.run_for(100ms);
  EXPECT_FALSE(owner->lease.valid());
}

TEST_F(LeaseTest, ARenewalThatTookItsWholeLengthIsNone) {
  const auto owner = make_holder();
  executor_.run_for(1min);
  owner->way.delay = 4s;
  const Status proven = run(executor_, owner->lease.prove());
  ASSERT_FALSE(proven.has_value());
  EXPECT_EQ(proven.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(owner->lease.valid());
  EXPECT_EQ(owner->listener.renewed, 0);
}

TEST_F(LeaseTest, WhoWasRefusedWhileARenewalWasOnItsWayIsToldOfIt) {
  const auto owner = make_holder();
  owner->way.delay = 2s;
  (void)owner->lease.holds();
  executor_.run_for(3100ms);  // sent after half its length
  EXPECT_FALSE(owner->lease.holds());
  EXPECT_EQ(owner->listener.renewed, 0);
  executor_.run_for(500ms);
  EXPECT_TRUE(owner->lease.valid());
  EXPECT_EQ(owner->listener.renewed, 1);
}

TEST_F(LeaseTest, ARenewalOfUnknownOutcomeIsNone) {
  const auto owner = make_holder();
  executor_.run_for(1min);
  owner->way.lose_answers = 1;
  (void)owner->lease.holds();
  executor_.run_for(50ms);  // it went through, and its answer was lost
  EXPECT_FALSE(owner->lease.valid());
  EXPECT_FALSE(owner->lease.lost());
  executor_.run_for(200ms);
  EXPECT_TRUE(owner->lease.valid());
}

TEST_F(LeaseTest, ProvingEndsWhenTheMetadataDoNotAnswer) {
  const auto owner = make_holder();
  executor_.run_for(1min);
  owner->way.cut = true;
  const auto began = executor_.now();
  const Status proven = run(executor_, owner->lease.prove());
  ASSERT_FALSE(proven.has_value());
  EXPECT_EQ(proven.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(took(began), 5s);
  owner->way.cut = false;
  EXPECT_TRUE(run(executor_, owner->lease.prove()).has_value());
}

TEST_F(LeaseTest, ATakerWaitsAnEighthLongerThanItsLength) {
  const auto dead = make_holder();
  dead->way.cut = true;
  const auto taker = make("b");
  const auto began = executor_.now();
  ASSERT_TRUE(run(executor_, taker->lease.acquire()).has_value());
  EXPECT_EQ(took(began), kLength + kLength / 8);
  EXPECT_TRUE(taker->lease.valid());
}

TEST_F(LeaseTest, ATakerGoesByTheHoldersLength) {
  const auto dead = make_holder();
  dead->way.cut = true;
  const auto taker = make("b", 500ms);
  const auto began = executor_.now();
  ASSERT_TRUE(run(executor_, taker->lease.acquire()).has_value());
  EXPECT_GE(took(began), kLength + kLength / 8);
}

TEST_F(LeaseTest, IsNeverValidForTwo) {
  const auto old = make_holder();
  const auto taker = make("b");
  work(*old, 1s);
  old->way.cut = true;  // as if it stood still
  base::TaskRunner<Status> acquiring(taker->lease.acquire());
  while (!acquiring.done()) {
    ASSERT_TRUE(executor_.step());
    EXPECT_FALSE(old->lease.valid() && taker->lease.valid());
  }
  EXPECT_TRUE(taker->lease.valid());
  old->way.cut = false;
  ++alarms_expected_;
  (void)old->lease.holds();
  executor_.run_for(1s);
  EXPECT_FALSE(old->lease.valid());
  ASSERT_TRUE(old->listener.lost.has_value());
  EXPECT_EQ(old->listener.lost->code, ErrorCode::kFenced);
  EXPECT_EQ(old->listener.lost->message, "another owner has taken over: b");
  const Status proven = run(executor_, old->lease.prove());
  ASSERT_FALSE(proven.has_value());
  EXPECT_EQ(proven.error().code, ErrorCode::kFenced);
}

TEST_F(LeaseTest, ATakerOfALivingOneIsRefusedSoon) {
  const auto old = make_holder();
  const auto taker = make("b");
  base::TaskRunner<Status> acquiring(taker->lease.acquire());
  const auto began = executor_.now();
  while (!acquiring.done()) work(*old, 50ms);
  EXPECT_LE(took(began), 2 * kLength);
  const Status refused = acquiring.take();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(refused.error().message, "in use by another owner: the first");
  EXPECT_TRUE(old->lease.valid());
}

TEST_F(LeaseTest, ALastRequestOfADeadHolderIsWaitedOut) {
  const auto dead = make_holder();
  dead->way.delay = 2s;  // its renewal arrives when a taker has been watching for a while
  executor_.run_for(2s);
  (void)dead->lease.holds();
  const auto taker = make("b");
  const auto began = executor_.now();
  ASSERT_TRUE(run(executor_, taker->lease.acquire()).has_value());
  EXPECT_GE(took(began), 2s + kLength + kLength / 8);
}

TEST_F(LeaseTest, AReleasedOneIsTakenAtOnce) {
  const auto old = make_holder();
  ASSERT_TRUE(run(executor_, old->lease.release()).has_value());
  EXPECT_FALSE(old->lease.valid());
  const auto began = executor_.now();
  const auto taker = make_holder("b");
  EXPECT_EQ(took(began), 0ms);
}

TEST_F(LeaseTest, OfTwoTakersOneIsRefused) {
  const auto a = make("a");
  const auto b = make("b");
  base::TaskRunner<Status> first(a->lease.acquire());
  base::TaskRunner<Status> second(b->lease.acquire());
  while (!first.done() || !second.done()) {
    (void)a->lease.holds();
    (void)b->lease.holds();
    executor_.run_for(50ms);
    EXPECT_FALSE(a->lease.valid() && b->lease.valid());
  }
  EXPECT_NE(first.take().has_value(), second.take().has_value());
}

TEST_F(LeaseTest, OnlyTheHolderChangesAnything) {
  const auto old = make_holder();
  ASSERT_TRUE(set(*old, "row", "1").has_value());
  executor_.run_for(1min);
  ASSERT_TRUE(set(*old, "row", "2").has_value()) << "a lapsed lease is not a lost one";
  const auto taker = make_holder("b");
  ++alarms_expected_;
  const Status fenced = set(*old, "row", "3");
  ASSERT_FALSE(fenced.has_value());
  EXPECT_EQ(fenced.error().code, ErrorCode::kFenced);
  EXPECT_TRUE(old->listener.lost.has_value());
  EXPECT_EQ(*run(executor_, store_.get("row")), "2");
  ASSERT_TRUE(set(*taker, "row", "4").has_value());
}

TEST_F(LeaseTest, AFailedConditionOfTheHoldersOwnIsNoLoss) {
  const auto owner = make_holder();
  const Status failed =
      run(executor_, owner->metadata.commit(Transaction().require("row", "?").set("row", "1")));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kConditionFailed);
  EXPECT_FALSE(owner->lease.lost());
}

TEST_F(LeaseTest, ADoubtIsLookedInto) {
  const auto owner = make_holder();
  owner->way.delay = 100ms;
  owner->lease.doubt();
  EXPECT_FALSE(owner->lease.valid());
  EXPECT_TRUE(run(executor_, owner->lease.prove()).has_value());
  EXPECT_FALSE(owner->lease.lost());
}

}  // namespace
}  // namespace thalweg::metadata
