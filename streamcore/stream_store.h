// StreamStore: the log engine's public face. Streams of opaque entries, durable before they are
// acknowledged or seen.
//
// It lives on one executor and every call is made there. Appending is done in steps, so that a
// request that touches many streams costs one wait for space and one for durability, and no
// suspension in between can reorder it:
//
//   co_await open_for_append(stream)...   once per stream: its row exists and its tail is known
//   co_await admit(channel, bytes)        log space; waits under back-pressure, kNoSpace when the
//                                         disk is full
//   append(...)...                        assigns offsets and copies; synchronous
//   co_await durable(position)            every append to the channel up to `position` is on a
//                                         quorum
//
// A stream belongs to one channel for its whole life (channel_of). There is one for each storage
// class that is in use, with a log of its own: none waits for another's.
//
// Reads see only durable entries (P12).
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/entry_digest.h"
#include "streamcore/entry_ref.h"
#include "streamcore/entry_rules.h"
#include "streamcore/log_places.h"
#include "streamcore/options.h"
#include "streamcore/types.h"

namespace thalweg {

namespace channel {
class LogAhead;
}
namespace object_store {
class ObjectStore;
}
namespace metadata {
class Lease;
class MetadataStore;
}  // namespace metadata

// A place in a channel's log: what was appended up to here is durable together. Grows with every
// chunk.
struct LogPosition {
  ChannelId channel{};
  ChunkSeq seq{};
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

// How long somebody waits for the log; checked every second. Zero: as long as it takes.
inline constexpr base::Duration kNoTimeLimit{0};

// A coroutine that waits until its appends are durable.
struct DurableWaiter : base::WaitQueue::Node {
  LogPosition position;
  base::Duration time_max = kNoTimeLimit;
  base::TimePoint deadline;  // if there is a limit
};

struct AppendRequest {
  StreamId stream;
  base::ByteView payload;
  uint32_t count = 1;  // offsets the entry spans
  base::Timestamp max_timestamp = -1;
  std::optional<Offset> match_offset;             // only if this is the next offset
  std::optional<std::string_view> fencing_token;  // only if this is the stream's token
};

struct Appended {
  Offset base;
  LeaderEpoch leader_epoch;
  LogPosition position;
  // The payload as it lies in its chunk, stamped; valid until the caller suspends.
  base::ByteView payload;
};

struct StreamBounds {
  Offset trim_point;     // first readable offset
  Offset durable_tail;   // one past the last readable offset
  Offset committed_end;  // entries below are in segments
  LeaderEpoch leader_epoch;
};

struct ReadResult {
  // Whole entries, in order; the first contains or follows the offset asked for.
  std::vector<EntryRef> entries;
  StreamBounds bounds;
};

struct RetentionPolicy {
  std::optional<base::Timestamp> max_age_ms;
  std::optional<uint64_t> max_bytes;
};

// State to rebuild a layer's view of a stream from: the annotation, then the entries from there to
// the durable tail.
struct AnnotationAt {
  std::string annotation;  // empty: the state of an empty stream
  Offset end;
  std::vector<DigestedEntry> after;  // from `end` on, in order, without a gap
};

// TailWatch: told each time a watched stream's durable tail moves. Leaves the streams it watches
// when destroyed.
class TailWatch {
 public:
  TailWatch() = default;
  TailWatch(const TailWatch&) = delete;
  TailWatch& operator=(const TailWatch&) = delete;
  virtual ~TailWatch();
  // Called on the store's executor; must not call back into the store.
  virtual void tail_moved(StreamId stream, Offset durable_tail) = 0;

 private:
  friend class TailWatchers;
  // Where in a stream's list this watch stands.
  struct Watched {
    class TailWatchers* watchers;
    size_t place;
  };
  std::vector<Watched> watched_;
};

class StreamStore {
 public:
  struct Parts {
    base::Executor& executor;
    base::Clock& clock;
    base::Random& random;
    object_store::ObjectStore& objects;
    metadata::MetadataStore& metadata;
    LogPlaces& logs;
    const EntryRules& rules;
    // Held, and `metadata` refuses the transactions of all others. Null: a lock, as that of a log
    // in a directory, proves that there is no other owner, of any channel.
    metadata::Lease* lease = nullptr;
    // What was read of the logs before the lease was taken, and is only needed to open them.
    channel::LogAhead* ahead = nullptr;
  };

  // Recovers what the last owner left and opens every channel there is under a new epoch, side by
  // side; those of other classes are made when the first stream of theirs is. Draining happens in
  // the background. kInvalidArgument: there is no place for a channel's log.
  static base::Task<base::Result<std::unique_ptr<StreamStore>>> open(Parts parts,
                                                                     StreamStoreOptions options);
  virtual ~StreamStore() = default;

  // admit() waits no more: what would wait gets kClosed. Before stop(), so that nobody is left.
  virtual void request_stop() = 0;
  // Stops taking appends, waits for those in flight and closes the channels cleanly.
  virtual base::Task<base::Status> stop() = 0;
  // Set when the channel can take no more appends (fenced, or its log is dead). Reads go on.
  virtual bool stopped(ChannelId channel) const = 0;

  // False if another owner may have taken over by now, so that what is in memory may be old: what
  // was found in it may be told after prove_ownership() (P14). Costs next to nothing.
  virtual bool is_owner() const = 0;
  // Waits until is_owner(). kFenced: there is another owner; kUnavailable: nobody can tell now.
  virtual base::Task<base::Status> prove_ownership() = 0;

  // Of streams that are created without one.
  virtual StorageClass default_class() const = 0;
  // Those streams can be created with.
  virtual const std::vector<StorageClass>& storage_classes() const = 0;
  virtual StorageClass class_of(ChannelId channel) const = 0;
  // Opens the channel of that class, unless it is open. kInvalidArgument: there is no place for it.
  virtual base::Task<base::Status> open_class(StorageClass storage_class) = 0;
  // `count` ids in a row, never given out before, on the channel of that class, which is opened if
  // need be.
  virtual base::Task<base::Result<StreamId>> allocate_streams(uint64_t count,
                                                              StorageClass storage_class) = 0;

  virtual base::Task<base::Status> open_for_append(std::vector<StreamId> streams) = 0;
  // True if the stream can be appended to without waiting in open_for_append.
  virtual bool is_open_for_append(StreamId stream) const = 0;
  // Waits until `bytes` more may be appended to the channel's streams. kNoSpace, kFenced, kClosed,
  // kUnavailable (also: not in time).
  virtual base::Task<base::Status> admit(ChannelId channel, uint64_t bytes,
                                         base::Duration time_max) = 0;
  // True if admit() would not wait.
  virtual bool admits(ChannelId channel, uint64_t bytes) const = 0;
  // True if they may be appended by who waited for the channel's turn already.
  virtual bool has_room(ChannelId channel, uint64_t bytes) const = 0;
  // The stream is open for append and the bytes were admitted. kConditionFailed (match_offset or
  // token; the state it was judged by may not be durable yet: wait for durable(last_position())
  // before telling anybody), kTooLarge, kNotFound (deleted), kClosed.
  virtual base::Result<Appended> append(const AppendRequest& request) = 0;
  virtual LogPosition last_position(ChannelId channel) const = 0;
  // kUnknownOutcome: the log stopped before it could tell.
  virtual base::Task<base::Status> durable(LogPosition position) = 0;
  // co_await until_durable(position, time_max): the same without a frame of its own, for the path
  // of every append. kUnavailable: not in time; it may become durable later. The store outlives it.
  auto until_durable(LogPosition position, base::Duration time_max) {
    struct Awaiter {
      Awaiter(StreamStore& s, LogPosition position, base::Duration time_max) : store(s) {
        waiter.position = position;
        waiter.time_max = time_max;
      }
      bool await_ready() const { return store.durability(waiter.position).has_value(); }
      void await_suspend(std::coroutine_handle<> handle) { store.wait_durable(waiter, handle); }
      base::Status await_resume() const {
        if (auto known = store.durability(waiter.position)) return std::move(*known);
        return base::fail(base::ErrorCode::kUnavailable, "the log did not become durable in time");
      }
      StreamStore& store;
      DurableWaiter waiter;
    };
    return Awaiter(*this, position, time_max);
  }

  // The leader epoch of every stream that this channel has served since the stream's first append
  // (all but migrated ones), and of streams without an append.
  virtual LeaderEpoch channel_leader_epoch(ChannelId channel) const = 0;
  // The next offset that append() would assign; the stream is open for append.
  virtual Offset next_offset(StreamId stream) const = 0;
  // A stream that was never appended to has bounds 0, 0.
  virtual base::Task<base::Result<StreamBounds>> bounds(StreamId stream) = 0;
  // The same without waiting, when the stream is in memory.
  virtual std::optional<StreamBounds> known_bounds(StreamId stream) const = 0;
  // Entries from `from` on, of at most `max_bytes` payload but at least one. Nothing at the tail.
  // kOutOfRange below the trim point or beyond the tail.
  virtual base::Task<base::Result<ReadResult>> read(StreamId stream, Offset from,
                                                    size_t max_bytes) = 0;
  // The first readable entry that ends past `from` and whose max timestamp is at least `timestamp`.
  virtual base::Task<base::Result<std::optional<EntryRef>>> find_timestamp(
      StreamId stream, base::Timestamp timestamp, Offset from) = 0;
  // The largest max timestamp of a readable entry; -1 if there is none.
  virtual base::Task<base::Result<base::Timestamp>> max_timestamp(StreamId stream) = 0;
  // Reads no payloads.
  virtual base::Task<base::Result<AnnotationAt>> annotation(StreamId stream) = 0;
  // Loads the stream if needed and watches it; the caller looks at the bounds after this, not
  // before.
  virtual base::Task<base::Status> watch(StreamId stream, TailWatch& watch) = 0;
  // The same without waiting, when the stream is in memory; false if it is not.
  virtual bool watch_known(StreamId stream, TailWatch& watch) = 0;

  // Durable before it answers; never moves back. At most the durable tail (kOutOfRange).
  virtual base::Task<base::Status> trim(StreamId stream, Offset to) = 0;
  // The first `limit` streams in [from, end), ascending, that were appended to and not removed.
  // Costs nothing for the others.
  virtual base::Task<base::Result<std::vector<StreamId>>> written_streams(StreamId from,
                                                                          StreamId end,
                                                                          size_t limit) = 0;
  // Trims whole segments that the policy no longer keeps; the trim point afterwards.
  virtual base::Task<base::Result<Offset>> retain(StreamId stream, RetentionPolicy policy) = 0;
  virtual base::Task<base::Status> remove(std::vector<StreamId> streams) = 0;
  // Sets the token that appends which carry one must match.
  virtual base::Task<base::Status> fence(StreamId stream, std::string token) = 0;
  // Payload bytes a stream keeps in segments and log.
  virtual base::Task<base::Result<uint64_t>> stored_bytes(StreamId stream) = 0;

  // Makes everything durable so far part of committed segments; for shutdown and tests.
  virtual base::Task<base::Status> offload_all() = 0;
  virtual uint64_t outstanding_log_bytes() const = 0;

 protected:
  // What durable(position) would answer at once; nothing while it would wait.
  virtual std::optional<base::Status> durability(LogPosition position) const = 0;
  // Resumes `handle` once durability(waiter.position) has an answer.
  virtual void wait_durable(DurableWaiter& waiter, std::coroutine_handle<> handle) = 0;
};

}  // namespace thalweg
