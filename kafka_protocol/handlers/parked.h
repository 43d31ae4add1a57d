// Parked: the requests that wait for something to happen, so that a shutdown can wake them all.
#pragma once

#include <vector>

#include "streamcore/base/sync.h"

namespace thalweg::handlers {

class Parked {
 public:
  void wake_all() {
    for (const Place& place : places_) place.event->set();
  }

 private:
  friend class ParkedFetch;
  struct Place {
    base::Event* event;
    size_t* index;  // in its owner, who moves when another leaves
  };
  std::vector<Place> places_;
};

// Registers an event for as long as it lives.
class ParkedFetch {
 public:
  ParkedFetch(Parked& parked, base::Event& event) : parked_(parked), at_(parked.places_.size()) {
    parked_.places_.push_back({&event, &at_});
  }
  ParkedFetch(const ParkedFetch&) = delete;
  ParkedFetch& operator=(const ParkedFetch&) = delete;
  ~ParkedFetch() {
    Parked::Place& place = parked_.places_[at_];
    place = parked_.places_.back();
    *place.index = at_;
    parked_.places_.pop_back();
  }

 private:
  Parked& parked_;
  size_t at_;
};

}  // namespace thalweg::handlers
