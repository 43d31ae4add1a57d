// RequestBudget: how many requests may be sent beyond those that were asked for, by repeating and
// by hedging: a fifth. What is not used is saved up to a limit, so that a bad minute after a good
// hour is hidden, and a server in trouble is not given several times its load. Hedges leave some
// for repetitions, which are all that is left when a server refuses.
#pragma once

#include <algorithm>

namespace thalweg::object_store::s3 {

inline constexpr int kRequestsPerExtra = 5;
inline constexpr int kExtrasAtStart = 50;
inline constexpr int kExtrasSavedMax = 250;
inline constexpr int kExtrasKeptForRepetitions = 25;

class RequestBudget {
 public:
  // A request was asked for.
  void earn() { saved_ = std::min(saved_ + 1, kRequestsPerExtra * kExtrasSavedMax); }
  bool take_repetition() { return take(1); }
  bool take_hedge() { return take(1 + kExtrasKeptForRepetitions); }

 private:
  bool take(int least) {
    if (saved_ < kRequestsPerExtra * least) return false;
    saved_ -= kRequestsPerExtra;
    return true;
  }

  int saved_ = kRequestsPerExtra * kExtrasAtStart;
};

}  // namespace thalweg::object_store::s3
