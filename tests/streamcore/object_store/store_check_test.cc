// The check passes on good stores and names what is broken on others.
#include "streamcore/object_store/store_check.h"

#include <gtest/gtest.h>

#include <set>

#include "streamcore/object_store/memory_object_store.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::object_store {
namespace {

enum class Defect {
  kNone,
  kOverwrites,
  kTwoWinners,
  kForgetsWriters,
  kShortRange,
  kStaleList,
  kKeepsSome,
  kLatePuts,  // no defect: each object is put once more when it has been removed
  kDown,
  kOneFlip,
};

// A memory store with one defect.
class DefectiveStore final : public ObjectStore {
 public:
  DefectiveStore(base::Executor& executor, Defect defect) : store_(executor), defect_(defect) {}

  base::Task<base::Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    if (defect_ == Defect::kDown) co_return base::fail(base::ErrorCode::kUnknownOutcome, "down");
    if (defect_ == Defect::kOverwrites) CO_TRY(co_await store_.remove(key));
    auto outcome = co_await store_.put_if_absent(key, std::move(parts));
    if (defect_ == Defect::kTwoWinners && key.contains("race")) outcome = PutOutcome::kCreated;
    co_return outcome;
  }
  base::Task<base::Result<PutOutcome>> put_twice(std::string key, base::Parts parts) override {
    const PutOutcome outcome = CO_TRY(co_await put_if_absent(std::move(key), std::move(parts)));
    co_return defect_ == Defect::kForgetsWriters ? PutOutcome::kExists : outcome;
  }
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<ByteRange> range) override {
    if (defect_ == Defect::kShortRange && range) ++range->offset;
    auto got = co_await store_.get(std::move(key), range);
    if (defect_ == Defect::kOneFlip && got && ++reads_ % 2 == 1) {
      got->owner = base::Buffer::copy_of(got->bytes);
      got->owner.data()[0] ^= std::byte{1};
      got->bytes = {got->owner.data(), got->bytes.size()};
    }
    co_return got;
  }
  base::Task<base::Result<ObjectInfo>> head(std::string key) override {
    co_return co_await store_.head(std::move(key));
  }
  base::Task<base::Status> remove(std::string key) override {
    CO_TRY(co_await store_.remove(key));
    co_return co_await come_late({std::move(key)});
  }
  base::Task<base::Status> remove_all(std::vector<std::string> keys) override {
    if (defect_ == Defect::kKeepsSome) keys.pop_back();
    CO_TRY(co_await store_.remove_all(keys));
    co_return co_await come_late(std::move(keys));
  }
  base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) override {
    if (defect_ == Defect::kStaleList && !listed_.objects.empty()) co_return listed_;
    auto page = co_await store_.list(std::move(prefix), std::move(start_after));
    if (page) listed_ = *page;
    co_return page;
  }
  size_t object_count() const { return store_.object_count(); }

 private:
  base::Task<base::Status> come_late(std::vector<std::string> keys) {
    for (const std::string& key : keys) {
      if (defect_ != Defect::kLatePuts || !came_late_.insert(key).second) continue;
      CO_TRY(co_await store_.put_if_absent(key, {base::as_bytes(key)}));
    }
    co_return base::Status{};
  }

  MemoryObjectStore store_;
  Defect defect_;
  std::set<std::string> came_late_;
  uint64_t reads_ = 0;
  ListPage listed_;
};

struct Outcome {
  std::vector<CheckStep> steps;
  size_t left = 0;
};

Outcome check(Defect defect, CheckEffort effort = CheckEffort::at_start()) {
  sim::SimExecutor executor;
  base::SeededRandom random(1);
  DefectiveStore store(executor, defect);
  base::TaskRunner<std::vector<CheckStep>> runner(check_store(store, executor, random, effort));
  while (!runner.done()) CHECK(executor.step());
  return {runner.take(), store.object_count()};
}

TEST(StoreCheck, GoodStorePassesAndIsLeftAsItWas) {
  for (const CheckEffort& effort : {CheckEffort::at_start(), CheckEffort::thorough()}) {
    const Outcome outcome = check(Defect::kNone, effort);
    EXPECT_EQ(outcome.steps.size(), 5u);
    for (const CheckStep& step : outcome.steps) EXPECT_TRUE(step.outcome) << step.promise;
    EXPECT_EQ(outcome.left, 0u);
  }
}

TEST(StoreCheck, PutThatComesLateIsNoDefect) {
  for (const CheckEffort& effort : {CheckEffort::at_start(), CheckEffort::thorough()}) {
    const Outcome outcome = check(Defect::kLatePuts, effort);
    EXPECT_EQ(outcome.steps.size(), 5u);
    for (const CheckStep& step : outcome.steps) {
      EXPECT_TRUE(step.outcome.has_value()) << step.outcome.error().message;
    }
    EXPECT_EQ(outcome.left, 0u);
  }
}

TEST(StoreCheck, ReadThatIsDamagedOnTheWayIsLookedAtAgain) {
  for (const CheckStep& step : check(Defect::kOneFlip).steps) {
    EXPECT_TRUE(step.outcome.has_value()) << step.outcome.error().message;
  }
}

TEST(StoreCheck, DefectEndsItWithTheReason) {
  const std::pair<Defect, const char*> kDefects[] = {
      {Defect::kOverwrites, "ignores conditions"},
      {Defect::kTwoWinners, "two writers"},
      {Defect::kForgetsWriters, "does not keep metadata"},
      {Defect::kShortRange, "other bytes"},
      {Defect::kStaleList, "a list shows what was removed"},
      {Defect::kKeepsSome, "is there again and again"},
  };
  for (const auto& [defect, reason] : kDefects) {
    const Outcome outcome = check(defect);
    const base::Status& last = outcome.steps.back().outcome;
    ASSERT_FALSE(last) << reason;
    EXPECT_EQ(last.error().code, base::ErrorCode::kUnsupported);
    EXPECT_NE(last.error().message.find(reason), std::string::npos) << last.error().message;
    EXPECT_EQ(outcome.left, defect == Defect::kKeepsSome ? 1u : 0u) << reason;
  }
}

TEST(StoreCheck, StoreThatDoesNotAnswerIsNotSaidToBeBroken) {
  EXPECT_EQ(check(Defect::kDown).steps.back().outcome.error().code,
            base::ErrorCode::kUnknownOutcome);
}

}  // namespace
}  // namespace thalweg::object_store
