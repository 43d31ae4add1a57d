#include "kafka_protocol/server/timer_queue.h"

#include <algorithm>
#include <utility>

namespace thalweg::server {

namespace {
constexpr size_t kDeadEntriesTolerated = 64;
}  // namespace

base::TimerId TimerQueue::add(base::TimePoint deadline, base::Callback callback) {
  const base::TimerId id = ++last_id_;
  heap_.push_back({deadline, id});
  std::push_heap(heap_.begin(), heap_.end(), later);
  callbacks_.emplace(id, std::move(callback));
  return id;
}

bool TimerQueue::cancel(base::TimerId timer) {
  if (callbacks_.erase(timer) == 0) return false;
  if (heap_.size() > 2 * callbacks_.size() + kDeadEntriesTolerated) {
    std::erase_if(heap_, [this](const Entry& e) { return !callbacks_.contains(e.id); });
    std::make_heap(heap_.begin(), heap_.end(), later);
  }
  return true;
}

std::optional<base::Callback> TimerQueue::take_due(base::TimePoint now) {
  drop_dead_front();
  if (heap_.empty() || heap_.front().deadline > now) return std::nullopt;
  auto node = callbacks_.extract(heap_.front().id);
  drop_front();
  return std::move(node.mapped());
}

std::optional<base::TimePoint> TimerQueue::earliest() {
  drop_dead_front();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().deadline;
}

void TimerQueue::drop_dead_front() {
  while (!heap_.empty() && !callbacks_.contains(heap_.front().id)) drop_front();
}

void TimerQueue::drop_front() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
}

}  // namespace thalweg::server
