#include "tests/sim/sim_executor.h"

namespace thalweg::sim {

SimExecutor::~SimExecutor() {
  // Dropping a callback may run destructors that look at the executor again.
  auto dropped = std::exchange(queue_, {});
  timers_.clear();
  dropped.clear();
}

void SimExecutor::post(base::Callback callback) {
  queue_.emplace(Key{now_, ++sequence_}, std::move(callback));
}

base::TimerId SimExecutor::run_after(base::Duration delay, base::Callback callback) {
  const base::TimePoint due = now_ + std::max(delay, base::Duration::zero());
  const base::TimerId timer = ++sequence_;
  timers_.emplace(timer, due);
  queue_.emplace(Key{due, timer}, std::move(callback));
  return timer;
}

bool SimExecutor::cancel(base::TimerId timer) {
  const auto it = timers_.find(timer);
  if (it == timers_.end()) return false;
  const Key key{it->second, timer};
  timers_.erase(it);
  const auto dropped = queue_.extract(key);  // destroyed last: its destructors may call us
  return true;
}

bool SimExecutor::step() {
  if (queue_.empty() || stopped()) return false;
  CHECK_LT(steps_, kStepsMax);
  if (hook_) hook_(steps_);
  ++steps_;
  auto next = queue_.extract(queue_.begin());
  now_ = std::max(now_, next.key().first);
  timers_.erase(next.key().second);
  next.mapped()();
  return true;
}

void SimExecutor::run_until_idle() {
  while (step()) {
  }
}

void SimExecutor::run_for(base::Duration duration) {
  const base::TimePoint end = now_ + duration;
  while (!queue_.empty() && queue_.begin()->first.first <= end) {
    if (!step()) return;
  }
  now_ = end;
}

bool SimExecutor::run_until(const std::function<bool()>& done) {
  while (!done()) {
    if (!step()) return false;
  }
  return true;
}

std::optional<base::TimePoint> SimExecutor::next_due() const {
  if (queue_.empty()) return std::nullopt;
  return std::max(now_, queue_.begin()->first.first);
}

void SimExecutor::advance_to(base::TimePoint time) {
  CHECK(queue_.empty() || queue_.begin()->first.first >= time);
  if (time > now_) now_ = time;
}

}  // namespace thalweg::sim
