// History: every call of the simulator's users and its answer, by stream and in the order in which
// they came, of all processes of a run; in the end it must be linearizable.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "streamcore/stream_store.h"
#include "tests/sim/linearizability.h"

namespace thalweg::sim {

class History {
 public:
  // The instant of a call, for its answer below.
  uint64_t call() { return ++instant_; }

  void append_called(StreamId stream, uint64_t operation, Offset begin, Offset end);
  void append_answered(StreamId stream, uint64_t operation);
  void tail_answered(StreamId stream, uint64_t called, Offset tail);
  void read_answered(StreamId stream, uint64_t called, const ReadResult& read);
  // An append was refused, for its stream does not end at `wanted`.
  void refusal_answered(StreamId stream, uint64_t called, Offset wanted);

  // What is wrong with this stream's history, if anything is.
  std::optional<std::string> find_anomaly(StreamId stream) const;
  uint64_t calls() const { return calls_; }

 private:
  struct StreamHistory {
    std::vector<Call> calls;
    std::map<uint64_t, size_t> appends;  // by operation, where they are in `calls`
  };
  void answered(StreamId stream, Call call);

  std::map<StreamId, StreamHistory> streams_;
  uint64_t instant_ = 0;
  uint64_t calls_ = 0;
};

}  // namespace thalweg::sim
