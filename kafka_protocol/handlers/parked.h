// Parked: the requests that wait for something to happen, so that a shutdown can wake them all.
#pragma once

#include <vector>

#include "streamcore/base/sync.h"

namespace thalweg::handlers {

class Parked {
 public:
  void wake_all() {
    for (base::Event* event : events_) event->set();
  }

 private:
  friend class ParkedFetch;
  std::vector<base::Event*> events_;
};

// Registers an event for as long as it lives.
class ParkedFetch {
 public:
  ParkedFetch(Parked& parked, base::Event& event) : parked_(parked), event_(event) {
    parked_.events_.push_back(&event);
  }
  ParkedFetch(const ParkedFetch&) = delete;
  ParkedFetch& operator=(const ParkedFetch&) = delete;
  ~ParkedFetch() { std::erase(parked_.events_, &event_); }

 private:
  Parked& parked_;
  base::Event& event_;
};

}  // namespace thalweg::handlers
