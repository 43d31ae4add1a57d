// Whether a history of calls and answers is one that a single, correct stream could have given:
// whether there is an order of all operations, each at one instant between its call and its answer,
// in which every answer is right (Wing and Gong's search with Lowe's memory of what was tried).
//
// The stream of the order: an append is at its base, and only if that is the tail then; a read is
// of what lies there; a tail is the tail; an append refused because its stream did not end where it
// wanted was refused by a stream that did not. Streams do not touch each other, so each has a
// history of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/types.h"

namespace thalweg::sim {

// Not answered, or with an unknown outcome: it may have happened at any time since its call, or
// never.
inline constexpr uint64_t kNeverAnswered = UINT64_MAX;

enum class CallKind { kAppend, kRead, kTail, kRefusal };

// Instants are numbers that grow; no two calls or answers of a history have the same.
struct Call {
  CallKind kind = CallKind::kTail;
  uint64_t called = 0;
  uint64_t answered = kNeverAnswered;
  Offset begin{};  // of the appended entry, or of the first entry read; what a refusal did not meet
  Offset end{};    // of the last entry; the tail
  std::vector<uint64_t> entries{};  // their operations; of an append its own
};

std::string to_string(const Call& call);

// The first answer that no order explains, in words; nothing if the history is linearizable.
std::optional<std::string> find_anomaly(const std::vector<Call>& history);

}  // namespace thalweg::sim
