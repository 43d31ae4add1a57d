// LogWriter: puts one entry at a time into the log and finds out what became of it.
//
// An entry is named by (incarnation, counter) and never changes once sent. It is put into the slot
// after the node's position, always the same bytes into the same slot; when another node's entry is
// there, that one is applied and the same entry, now naming that slot, goes on to the next. What
// became of it is read from the applied state alone, which remembers the last counter and outcome
// of every incarnation: an empty slot, or a boundary that passed it, proves nothing about an entry
// that may still arrive.
//
// An incarnation that was not heard of for long may lose its row, and gets no other
// (incarnation.h): the outcome of an entry that was in flight is then unknown, never "not seen".
// One of which each put answered that another's was there is nowhere, and goes on under a new
// incarnation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/random.h"
#include "streamcore/metadata/log_replica.h"

namespace thalweg::metadata {

class LogWriter {
 public:
  enum class Fate { kUndecided, kApplied, kNoSpace, kUnknown };
  struct Attempt {
    Fate fate = Fate::kUndecided;
    std::vector<bool> held;  // with kApplied: whether each transaction's conditions held
    bool caught_up = false;  // the state holds all that was acknowledged before the attempt
  };

  // With `single_writer` no other process writes this log while this one lives.
  LogWriter(object_store::ObjectStore& store, LogReplica& replica, LogBoundary& boundary,
            base::Random& random, bool single_writer);

  bool in_flight() const { return entry_.has_value(); }
  // Names the transactions as this incarnation's next entry. CHECK: none is in flight.
  void begin(std::vector<Transaction> transactions);
  // Puts the entry once and resolves the answer; it stays in flight while its fate is kUndecided.
  // After kUnavailable the call may be repeated; other errors are fatal for the log.
  base::Task<base::Result<Attempt>> attempt();

 private:
  enum class Put { kCreated, kNothing, kAsk };
  base::Task<base::Result<Put>> put();
  base::Task<base::Result<bool>> after_created();
  bool may_begin() const;
  void draw_incarnation();
  void name_entry();
  void encode_for(LogPosition slot);
  void look_up(Attempt& attempt);
  void look_up_without_row(Attempt& attempt);
  void settle(Attempt& attempt, Fate fate);

  object_store::ObjectStore& store_;
  LogReplica& replica_;
  LogBoundary& boundary_;
  base::Random& random_;
  const bool single_writer_;
  IncarnationId incarnation_;
  uint64_t counter_ = 0;

  std::optional<LogEntry> entry_;
  std::string bytes_;  // the entry as it is for encoded_for_; 0: not yet
  LogPosition encoded_for_;
  bool may_be_there_ = false;  // a put of the entry may have created a slot
  LogPosition uncertain_;      // the last slot a put of the entry had no clear answer for
  LogPosition created_;  // the slot a put answered "created" for, until the boundaries were listed
};

}  // namespace thalweg::metadata
