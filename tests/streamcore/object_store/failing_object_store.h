// FailingObjectStore: a decorator that makes an ObjectStore behave like a bad day of a real one.
//
// Faults are drawn per call from rates, or queued for the next puts by a test that wants one
// exactly. An unknown outcome is true to its name: the object is not there, is there, or appears
// later (also after the caller gave up; the bytes are copied then).
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "streamcore/base/check.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/base/task_group.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::object_store {

enum class PutFault {
  kNone,
  kUnknownBefore,  // never applied
  kUnknownAfter,   // applied, the answer lost
  kUnknownLater,   // answered first, applied up to late_max afterwards
  kNoSpace,
};

// Chances in a thousand.
struct FaultRates {
  uint32_t unknown_before = 0;
  uint32_t unknown_after = 0;
  uint32_t unknown_later = 0;
  uint32_t no_space = 0;
  uint32_t read_unavailable = 0;    // get, head, list
  uint32_t remove_unavailable = 0;  // half of them after the object went
};

class FailingObjectStore final : public ObjectStore {
 public:
  FailingObjectStore(ObjectStore& store, base::Executor& executor, base::Random& random)
      : store_(store), executor_(executor), random_(random), late_puts_(executor) {}

  void set_rates(FaultRates rates) { rates_ = rates; }
  void set_late_max(base::Duration late_max) { late_max_ = late_max; }
  // The next puts without a queued fault yet get this one; kNone lets one through unharmed.
  void fail_next_put(PutFault fault) { queued_.push_back(fault); }
  // Every call fails (kUnknownOutcome for puts, none applied) while it is down.
  void set_down(bool down) { down_ = down; }
  uint64_t faults() const { return faults_; }
  size_t late_puts() const { return late_puts_.size(); }  // not yet applied

  base::Task<base::Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override {
    const PutFault fault = draw_put_fault();
    if (fault == PutFault::kNone) {
      co_return co_await store_.put_if_absent(std::move(key), std::move(parts));
    }
    ++faults_;
    co_await base::yield(executor_);
    if (fault == PutFault::kNoSpace) co_return base::fail(base::ErrorCode::kNoSpace, key);
    if (fault == PutFault::kUnknownLater) {
      std::string bytes;
      for (const base::ByteView part : parts.views) bytes += base::as_chars(part);
      late_puts_.spawn(put_late(store_, executor_,
                                base::Duration(1 + random_.below(late_max_.count())), key,
                                std::move(bytes)));
    }
    if (fault == PutFault::kUnknownAfter)
      (void)co_await store_.put_if_absent(key, std::move(parts));
    co_return base::fail(base::ErrorCode::kUnknownOutcome, "simulated: " + key);
  }
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<ByteRange> range) override {
    CO_TRY(co_await maybe_unavailable(rates_.read_unavailable));
    co_return co_await store_.get(std::move(key), range);
  }
  base::Task<base::Result<ObjectInfo>> head(std::string key) override {
    CO_TRY(co_await maybe_unavailable(rates_.read_unavailable));
    co_return co_await store_.head(std::move(key));
  }
  base::Task<base::Status> remove(std::string key) override {
    const base::Status failed = co_await maybe_unavailable(rates_.remove_unavailable);
    if (!failed && (down_ || random_.below(2) == 0)) co_return failed;
    const base::Status removed = co_await store_.remove(std::move(key));
    co_return failed ? removed : failed;
  }
  base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) override {
    CO_TRY(co_await maybe_unavailable(rates_.read_unavailable));
    co_return co_await store_.list(std::move(prefix), std::move(start_after));
  }

 private:
  static base::Task<void> put_late(ObjectStore& store, base::Executor& executor,
                                   base::Duration delay, std::string key, std::string bytes) {
    co_await base::sleep_for(executor, delay);
    (void)co_await store.put_if_absent(std::move(key), {base::as_bytes(bytes)});
  }
  PutFault draw_put_fault() {
    if (down_) return PutFault::kUnknownBefore;
    if (!queued_.empty()) {
      const PutFault fault = queued_.front();
      queued_.pop_front();
      return fault;
    }
    uint64_t drawn = random_.below(1000);
    const auto hits = [&drawn](uint32_t rate) {
      const bool hit = drawn < rate;
      drawn = hit ? drawn : drawn - rate;
      return hit;
    };
    if (hits(rates_.unknown_before)) return PutFault::kUnknownBefore;
    if (hits(rates_.unknown_after)) return PutFault::kUnknownAfter;
    if (hits(rates_.unknown_later)) return PutFault::kUnknownLater;
    if (hits(rates_.no_space)) return PutFault::kNoSpace;
    return PutFault::kNone;
  }
  base::Task<base::Status> maybe_unavailable(uint32_t rate) {
    if (!down_ && random_.below(1000) >= rate) co_return base::Status();
    ++faults_;
    co_await base::yield(executor_);
    co_return base::fail(base::ErrorCode::kUnavailable, "simulated outage");
  }

  ObjectStore& store_;
  base::Executor& executor_;
  base::Random& random_;
  FaultRates rates_;
  std::deque<PutFault> queued_;
  base::Duration late_max_ = std::chrono::minutes(10);
  bool down_ = false;
  uint64_t faults_ = 0;
  base::TaskGroup late_puts_;
};

}  // namespace thalweg::object_store
