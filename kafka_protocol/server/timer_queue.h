// TimerQueue: the pending timers of one executor, a binary heap by deadline. Pure: it knows no
// clock and no event loop.
//
// A cancelled timer leaves its callback at once and its heap entry when it surfaces, or when dead
// entries outnumber the living ones. Timers of one deadline run in the order they were added.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "streamcore/base/executor.h"

namespace thalweg::server {

class TimerQueue {
 public:
  base::TimerId add(base::TimePoint deadline, base::Callback callback);
  // False if it already ran or was cancelled.
  bool cancel(base::TimerId timer);
  // The callback of the earliest timer due at `now`, taken out; nothing if none is due.
  std::optional<base::Callback> take_due(base::TimePoint now);
  std::optional<base::TimePoint> earliest();
  size_t size() const { return callbacks_.size(); }

 private:
  struct Entry {
    base::TimePoint deadline;
    base::TimerId id;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.deadline != b.deadline ? a.deadline > b.deadline : a.id > b.id;
  }
  void drop_dead_front();
  void drop_front();

  std::vector<Entry> heap_;
  std::unordered_map<base::TimerId, base::Callback> callbacks_;
  base::TimerId last_id_ = 0;
};

}  // namespace thalweg::server
