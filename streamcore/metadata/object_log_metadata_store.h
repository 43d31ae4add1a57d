// ObjectLogMetadataStore: the MetadataStore whose only disk is an object store. Transactions are
// entries of a log of write-once objects; every node applies the same entries in the same order and
// so holds the same state (README.md).
//
// One loop per store moves the log on: it batches the waiting transactions into one entry, resolves
// it, and answers waiting readers with one check of the log's end. A second coroutine writes
// snapshots and deletes old log. All of it lives on one executor.
//
// Failure: while the object store does not answer, everything waits and is tried again. A damaged
// log entry ends the store: every call answers kCorrupt from then on, and nothing is skipped. So
// does an object store that has ended (kClosed).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/metadata/log_collector.h"
#include "streamcore/metadata/log_replica.h"
#include "streamcore/metadata/log_writer.h"
#include "streamcore/metadata/metadata_store.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::metadata {

struct ObjectLogOptions {
  // No other process writes this log as long as this store lives (a lock on the directory sees to
  // that). Reads are then answered from memory.
  bool single_writer = false;
  uint64_t snapshot_entries = 1000;        // a snapshot at least this often,
  uint64_t snapshot_log_bytes = 16 << 20;  // or after this much log
  size_t pending_bytes_max = 16 << 20;     // of transactions waiting; commit() waits past it
  uint64_t incarnation_slots = kIncarnationSlots;  // another only where tests have the log alone
  base::Duration backoff_min = std::chrono::milliseconds(10);
  base::Duration backoff_max = std::chrono::seconds(2);
};

class ObjectLogMetadataStore final : public MetadataStore {
 public:
  // Loads the newest undamaged snapshot and replays the log. All arguments outlive the store.
  // kCorrupt names the damaged object; kUnavailable may be tried again.
  static base::Task<base::Result<std::unique_ptr<ObjectLogMetadataStore>>> open(
      base::Executor& executor, object_store::ObjectStore& store, base::Random& random,
      ObjectLogOptions options);

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override;
  base::Task<base::Result<std::vector<KeyValue>>> scan(std::string prefix, std::string start_after,
                                                       size_t limit) override;
  base::Task<base::Status> commit(Transaction transaction) override;

  // Takes nothing more, answers what waits (kUnknownOutcome if it was sent, else kClosed) and joins
  // the loops.
  base::Task<void> stop();

  // How far along the log this node is.
  LogPosition position() const { return replica_.position(); }
  // What it has applied so far: every transaction that was answered, perhaps not the newest ones of
  // other nodes. Valid until the caller suspends. An error once the store has ended.
  base::Result<const OrderedState*> known() const;

 private:
  struct Pending {
    Pending(base::Executor& executor, Transaction t, size_t b)
        : transaction(std::move(t)), bytes(b), done(executor) {}
    Transaction transaction;
    size_t bytes;
    base::OneShot<base::Status> done;
  };
  // Readers answered by the same check. Shared by them and the loop, which end in any order.
  using Round = std::shared_ptr<base::OneShot<base::Status>>;

  ObjectLogMetadataStore(base::Executor& executor, object_store::ObjectStore& store,
                         base::Random& random, ObjectLogOptions options);

  base::Task<base::Status> wait_until_current();
  base::Task<void> run();
  base::Task<base::Status> turn();
  void begin_entry();
  base::Task<base::Result<bool>> write_entry();
  void answer(Pending& pending, base::Status status);
  void answer_sent(const LogWriter::Attempt& attempt);
  void end(const base::Error& error);
  void snapshot_if_due();
  base::Task<void> snapshot_and_collect();
  base::Task<base::Status> write_snapshot();

  base::Executor& executor_;
  const ObjectLogOptions options_;
  LogBoundary boundary_;
  SnapshotStore snapshots_;
  LogReplica replica_;
  LogWriter writer_;
  LogCollector collector_;

  // Shared with the commit() that waits, which may be destroyed before it is answered.
  std::deque<std::shared_ptr<Pending>> pending_;
  std::vector<std::shared_ptr<Pending>> sent_;  // the transactions of the entry in flight
  base::Semaphore pending_bytes_;
  Round next_round_;           // joined by readers that arrive now; null while there are none
  std::vector<Round> rounds_;  // not yet answered
  base::Notifier work_;
  std::optional<base::Error> ended_;  // what every call answers from now on
  bool snapshotting_ = false;
  uint64_t snapshot_jitter_ = 0;
  LogPosition snapshot_not_before_;
  base::TaskGroup tasks_;  // last: its coroutines use everything above
};

}  // namespace thalweg::metadata
