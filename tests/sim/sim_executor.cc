#include "tests/sim/sim_executor.h"

namespace thalweg::sim {

SimExecutor::~SimExecutor() {
  // Dropping a callback may run destructors that look at the executor again.
  auto dropped = std::exchange(queue_, {});
  auto posted = std::exchange(posted_, {});
  timers_.clear();
  posted.clear();
  dropped.clear();
}

void SimExecutor::post(base::Callback callback) {
  posted_.emplace_back(Key{now_, ++sequence_}, std::move(callback));
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

std::optional<SimExecutor::Key> SimExecutor::next_key() const {
  std::optional<Key> next;
  if (!queue_.empty()) next = queue_.begin()->first;
  if (!posted_.empty() && (!next || posted_.front().first < *next)) next = posted_.front().first;
  return next;
}

base::Callback SimExecutor::take(Key key) {
  base::Callback callback;
  if (!posted_.empty() && posted_.front().first == key) {
    callback = std::move(posted_.front().second);
    posted_.pop_front();
  } else {
    callback = std::move(queue_.extract(queue_.begin()).mapped());
    timers_.erase(key.second);
  }
  return callback;
}

bool SimExecutor::step() {
  const auto next = next_key();
  if (!next || stopped()) return false;
  CHECK_LT(steps_, kStepsMax);
  if (hook_) hook_(steps_);
  ++steps_;
  now_ = std::max(now_, next->first);
  take (*next)();
  return true;
}

void SimExecutor::run_until_idle() {
  while (step()) {
  }
}

void SimExecutor::run_for(base::Duration duration) {
  const base::TimePoint end = now_ + duration;
  for (auto next = next_key(); next && next->first <= end; next = next_key()) {
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
  const auto next = next_key();
  if (!next) return std::nullopt;
  return std::max(now_, next->first);
}

void SimExecutor::advance_to(base::TimePoint time) {
  const auto next = next_key();
  CHECK(!next || next->first >= time);
  if (time > now_) now_ = time;
}

}  // namespace thalweg::sim
