#include "tests/sim/history.h"

#include <utility>

#include "tests/sim/workload_rules.h"

namespace thalweg::sim {

void History::append_called(StreamId stream, uint64_t operation, Offset begin, Offset end) {
  StreamHistory& history = streams_[stream];
  history.appends.emplace(operation, history.calls.size());
  history.calls.push_back({.kind = CallKind::kAppend,
                           .called = ++instant_,
                           .begin = begin,
                           .end = end,
                           .entries = {operation}});
  ++calls_;
}

void History::append_answered(StreamId stream, uint64_t operation) {
  StreamHistory& history = streams_[stream];
  history.calls[history.appends.at(operation)].answered = ++instant_;
}

void History::answered(StreamId stream, Call call) {
  call.answered = ++instant_;
  streams_[stream].calls.push_back(std::move(call));
  ++calls_;
}

void History::tail_answered(StreamId stream, uint64_t called, Offset tail) {
  answered(stream, {.kind = CallKind::kTail, .called = called, .end = tail});
}

void History::read_answered(StreamId stream, uint64_t called, const ReadResult& read) {
  if (read.entries.empty()) return;
  Call call{.kind = CallKind::kRead,
            .called = called,
            .begin = read.entries.front().header.base,
            .end = read.entries.back().header.end()};
  for (const EntryRef& entry : read.entries) {
    call.entries.push_back(operation_of(entry.payload.bytes));
  }
  answered(stream, std::move(call));
}

void History::refusal_answered(StreamId stream, uint64_t called, Offset wanted) {
  answered(stream, {.kind = CallKind::kRefusal, .called = called, .begin = wanted});
}

std::optional<std::string> History::find_anomaly(StreamId stream) const {
  const auto at = streams_.find(stream);
  if (at == streams_.end()) return std::nullopt;
  return sim::find_anomaly(at->second.calls);
}

}  // namespace thalweg::sim
