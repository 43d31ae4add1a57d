// Trace: the event log of one simulated run, as a hash and, if asked for, as lines on standard
// output. Two runs of one seed give the same trace. It also keeps the first violation of what the
// model expects.
#pragma once

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/sim/sim_executor.h"

namespace thalweg::sim {

// The arguments one after the other, as text.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  // Events are stamped with this executor's virtual time; null: with zero.
  void set_executor(SimExecutor* executor) { executor_ = executor; }
  void event(std::string_view line);
  // What the run has proved wrong. Only the first one counts: later ones may be its consequences.
  void violation(std::string_view what);

  const std::optional<std::string>& first_violation() const { return first_violation_; }
  bool violated() const { return first_violation_.has_value(); }
  uint64_t hash() const { return hash_; }
  uint64_t events() const { return events_; }

 private:
  const bool print_;
  SimExecutor* executor_ = nullptr;
  uint64_t hash_ = 0xCBF29CE484222325ull;
  uint64_t events_ = 0;
  std::optional<std::string> first_violation_;
};

}  // namespace thalweg::sim
