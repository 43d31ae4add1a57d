// OffsetsWriter: puts records on a coordinator's log, in the order they were pushed. Everything
// that is pushed while an append is in flight goes out together with the next one, so that many
// commits cost one write.
//
// It also keeps the log short: when dead records outweigh live ones, it appends every live record
// again, between the ordinary appends, and gives up what lies before. A record so repeated is the
// newest of its key: nothing else is in flight at that moment, and what is still queued follows it.
//
// Owned by the coordinator, on its core.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "kafka_protocol/coordinator/offsets_log.h"
#include "kafka_protocol/wire/error_code.h"
#include "streamcore/base/sync.h"

namespace thalweg::coordinator {

inline constexpr size_t kAppendRecordsMax = 10000;
inline constexpr size_t kAppendBytesMax = 512u
                                          << 10;  // of keys and values; a larger record goes alone
// Records that may wait to be appended; commits beyond that wait before they are looked at.
inline constexpr size_t kQueuedRecordsMax = 100000;
// A log is not worth rewriting below this many records.
inline constexpr size_t kRewriteRecordsMin = 100000;

// The state the log stands for, as far as it is durable.
class LiveRecords {
 public:
  virtual ~LiveRecords() = default;
  virtual size_t count() const = 0;
  // The records that follow `cursor` (empty: from the beginning), about `records_max` of them;
  // moves the cursor. None: it has been through. A record that changes behind the cursor is pushed
  // anyway.
  virtual std::vector<KeyValueRecord> next(std::string& cursor, size_t records_max) const = 0;
};

class OffsetsWriter {
 public:
  using Done = std::move_only_function<void(wire::KafkaError)>;

  OffsetsWriter(base::Executor& executor, OffsetsLog& log, const LiveRecords& live,
                size_t rewrite_records_min = kRewriteRecordsMin)
      : log_(log),
        live_(live),
        rewrite_records_min_(rewrite_records_min),
        room_(executor, kQueuedRecordsMax),
        pushed_(executor) {}

  // Appends the records, at least one; `done` is called once they are durable, or with the reason
  // why not. Calls come in the order of the pushes and never from inside push(). What is pushed
  // while run() does not run waits for it.
  void push(std::vector<KeyValueRecord> records, Done done);
  // Waits until there is room for `records` more; give it back with release(). False when the
  // writer was closed.
  bool would_wait(size_t records) const { return room_.would_wait(records); }
  auto acquire(size_t records) { return room_.acquire(records); }
  void release(size_t records) { room_.release(records); }

  // Serves pushes until stop() (a kClosed error), or until the log breaks: then every push was
  // answered, none is taken any more, and the error says how. `replayed` is how many records the
  // log holds.
  base::Task<base::Error> run(size_t replayed);
  // Ends run() once the append in flight is done; what is queued fails.
  void stop();
  // Answers everything queued with `error`.
  void fail_queued(wire::KafkaError error);

  // Records on the log since its start, for tests and metrics.
  size_t records_on_log() const { return records_on_log_; }
  uint64_t rewrites() const { return rewrites_; }

 private:
  struct Write {
    std::vector<KeyValueRecord> records;
    Done done;
  };

  bool rewrite_due() const;
  std::vector<KeyValueRecord> take_batch(std::vector<Done>& dones);
  base::Task<base::Status> append_batch();
  base::Task<base::Result<int64_t>> append_parts(std::vector<KeyValueRecord> records);
  base::Task<base::Status> rewrite_some();
  base::Task<base::Status> finish_rewrite();

  OffsetsLog& log_;
  const LiveRecords& live_;
  const size_t rewrite_records_min_;
  base::Semaphore room_;
  base::Notifier pushed_;
  std::deque<Write> queue_;
  bool running_ = false;
  bool stopping_ = false;

  size_t records_on_log_ = 0;
  bool rewriting_ = false;
  std::string cursor_;
  int64_t rewrite_start_ = -1;      // offset of the first repeated record
  size_t records_since_start_ = 0;  // records from there on
  uint64_t rewrites_ = 0;
};

// What the client is told when an append failed.
wire::KafkaError kafka_error_of(const base::Error& error);

}  // namespace thalweg::coordinator
