// Trace: the event log of one simulated run, as a hash and, if asked for, as lines on standard
// output. Two runs of one seed give the same trace. It also keeps the first violation of what the
// model expects.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/sim/faults.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::sim {

inline void append_text(std::string& to, std::string_view part) { to += part; }
template <std::integral T>
void append_text(std::string& to, T number) {
  std::array<char, 24> digits;
  to.append(digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr);
}

// The arguments, strings and numbers, one after the other.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string line;
  (append_text(line, parts), ...);
  return line;
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
  // What was played so far, but for what buckets count themselves.
  FaultCounts fired;

 private:
  const bool print_;
  SimExecutor* executor_ = nullptr;
  uint64_t hash_ = 0xCBF29CE484222325ull;
  uint64_t events_ = 0;
  std::optional<std::string> first_violation_;
};

}  // namespace thalweg::sim
