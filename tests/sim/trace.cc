#include "tests/sim/trace.h"

#include <iostream>

namespace thalweg::sim {

void Trace::event(std::string_view line) {
  const int64_t now = executor_ == nullptr ? 0 : executor_->now().time_since_epoch().count();
  const std::string stamped = text(now / 1000, " ", line);
  for (const char c : stamped) {
    hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;  // FNV-1a
  }
  ++events_;
  if (print_) std::cout << stamped << std::endl;
}

void Trace::violation(std::string_view what) {
  event(text("VIOLATION ", what));
  if (!first_violation_.has_value()) first_violation_ = what;
}

}  // namespace thalweg::sim
