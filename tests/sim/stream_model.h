// StreamModel: what a correct log may show, kept across all crashes of a run. Everything the store
// answers is told to it; what contradicts an earlier answer is a violation.
//
// An operation (one append) is *fixed* once anybody was told of it: it was acknowledged, read, or
// folded into an annotation. A fixed operation stays at its offsets for ever. One that is not fixed
// is at its one offset or nowhere.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "streamcore/stream_store.h"
#include "tests/sim/history.h"
#include "tests/sim/trace.h"

namespace thalweg::sim {

struct Operation {
  StreamId stream;
  Offset base;
  uint32_t count = 0;
  uint32_t size = 0;
  LeaderEpoch leader_epoch;
  base::Timestamp max_timestamp = -1;
  bool fixed = false;
  EntryDigest digest{};  // of what its payload must be
  Offset end() const { return base + count; }
};

// kAsked: a deletion was begun, and its outcome is not known.
enum class Life { kAlive, kAsked, kGone };

struct StreamRecord {
  Life life = Life::kAlive;
  std::map<Offset, uint64_t> fixed;  // operations by base
  Offset tail;                       // the greatest durable tail anybody was told of
  Offset trim_seen;                  // the greatest trim point anybody was told of
  Offset trim_asked;                 // no trim point may be beyond it
  LeaderEpoch leader_epoch;          // the greatest anybody was told of
};

// What was known when a question was asked: its answer must be at least this.
struct Known {
  Life life = Life::kAlive;
  Offset tail;
  Offset trim_seen;
  LeaderEpoch leader_epoch;
  uint64_t called = 0;  // when, in the history
};

class StreamModel {
 public:
  explicit StreamModel(Trace& trace) : trace_(trace) {}
  // From now on one who was taken over and does not know it may append; none of it may be promised.
  void expect_two_owners() { two_owners_ = true; }

  // --- ids
  void streams_allocated(StreamId first, uint64_t count);
  const std::vector<StreamId>& streams() const { return ids_; }
  const StreamRecord& record(StreamId stream) const { return records_.at(stream); }
  std::vector<StreamId> alive() const;

  // --- appends
  // The id the next operation will have.
  uint64_t next_operation() const { return operations_.size(); }
  // append() answered this for it.
  void append_sent(Operation operation);
  void append_acked(uint64_t operation);
  uint64_t acked() const { return acked_; }

  // --- what was shown
  void entry_seen(StreamId stream, const EntryHeader& header, base::ByteView payload);
  void tail_seen(StreamId stream, Offset tail);
  // Before a question is asked, and with its answer.
  Known known(StreamId stream);
  void bounds_seen(StreamId stream, const StreamBounds& bounds, const Known& before);
  void read_seen(StreamId stream, const ReadResult& read, const Known& before) {
    history_.read_answered(stream, before.called, read);
  }
  // An append was refused because the stream does not end at `wanted`.
  void refusal_seen(StreamId stream, Offset wanted, uint64_t called);
  void annotation_seen(StreamId stream, const AnnotationAt& at);

  // --- trims and deletions
  void trim_asked(StreamId stream, Offset to);
  void trim_acked(StreamId stream, Offset to);
  void remove_asked(StreamId stream) { of(stream).life = Life::kAsked; }
  void remove_acked(StreamId stream);
  // After a restart the outcome of every deletion begun is decided; these bounds tell it.
  void settle_deletion(StreamId stream, const StreamBounds& bounds);

  // In the end: all that was answered of each stream fits one order.
  void check_history();
  const History& history() const { return history_; }

 private:
  StreamRecord& of(StreamId stream) { return records_.at(stream); }
  void fix(uint64_t operation, const char* how);
  std::optional<DigestedEntry> entry_at(StreamId id, Offset base, uint64_t operation);
  void violation(StreamId stream, const std::string& what);

  Trace& trace_;
  std::vector<StreamId> ids_;
  std::map<StreamId, StreamRecord> records_;
  std::vector<Operation> operations_{Operation{}};  // id 0 is none
  History history_;
  uint64_t acked_ = 0;
  bool two_owners_ = false;
};

}  // namespace thalweg::sim
