#include "streamcore/metadata/object_log_metadata_store.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/log.h"

namespace thalweg::metadata {

namespace {

using base::ErrorCode;

// What a waiting transaction holds in memory beside its bytes.
constexpr size_t kPendingOverheadBytes = 256;

// Trying again would find the same. Everything else is the way to the object store.
bool is_fatal(const base::Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported ||
         error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kClosed;
}

}  // namespace

ObjectLogMetadataStore::ObjectLogMetadataStore(base::Executor& executor,
                                               object_store::ObjectStore& store,
                                               base::Random& random, ObjectLogOptions options)
    : executor_(executor),
      options_(options),
      boundary_(store),
      snapshots_(executor, store),
      replica_(executor, store, boundary_, snapshots_, options.incarnation_slots),
      writer_(store, replica_, boundary_, random, options.single_writer),
      collector_(store, snapshots_, boundary_),
      pending_bytes_(executor, options.pending_bytes_max),
      work_(executor),
      tasks_(executor) {
  // Nodes that apply the same log must not all write the same snapshot.
  if (!options.single_writer) snapshot_jitter_ = random.below(options.snapshot_entries / 4 + 1);
}

base::Task<base::Result<std::unique_ptr<ObjectLogMetadataStore>>> ObjectLogMetadataStore::open(
    base::Executor& executor, object_store::ObjectStore& store, base::Random& random,
    ObjectLogOptions options) {
  std::unique_ptr<ObjectLogMetadataStore> opened(
      new ObjectLogMetadataStore(executor, store, random, options));
  CO_TRY(co_await opened->replica_.open());
  opened->tasks_.spawn(opened->run());
  co_return opened;
}

base::Task<base::Result<std::optional<std::string>>> ObjectLogMetadataStore::get(std::string key) {
  CO_TRY(co_await wait_until_current());
  co_return replica_.state().get(key);
}

base::Task<base::Result<std::vector<KeyValue>>> ObjectLogMetadataStore::scan(
    std::string prefix, std::string start_after, size_t limit) {
  CO_TRY(co_await wait_until_current());
  co_return replica_.state().scan(prefix, start_after, limit);
}

base::Result<const OrderedState*> ObjectLogMetadataStore::known() const {
  if (ended_) return std::unexpected(*ended_);
  return &replica_.state();
}

base::Task<base::Status> ObjectLogMetadataStore::wait_until_current() {
  if (ended_) co_return std::unexpected(*ended_);
  // Nobody else writes: what was acknowledged is applied.
  if (options_.single_writer) co_return base::Status{};
  if (next_round_ == nullptr) {
    next_round_ = std::make_shared<base::OneShot<base::Status>>(executor_);
  }
  const Round round = next_round_;
  work_.notify_all();
  co_await round->wait();
  co_return round->value();
}

base::Task<base::Status> ObjectLogMetadataStore::commit(Transaction transaction) {
  const size_t bytes = encoded_bytes(transaction);
  if (bytes > kTransactionBytesMax) {
    co_return base::fail(ErrorCode::kTooLarge, "transaction of " + std::to_string(bytes) +
                                                   " bytes, at most " +
                                                   std::to_string(kTransactionBytesMax));
  }
  if (ended_) co_return std::unexpected(*ended_);
  const bool admitted = co_await pending_bytes_.acquire(bytes + kPendingOverheadBytes);
  if (ended_) co_return std::unexpected(*ended_);
  CHECK(admitted);
  const auto pending = std::make_shared<Pending>(executor_, std::move(transaction), bytes);
  pending_.push_back(pending);
  work_.notify_all();
  co_await pending->done.wait();
  co_return pending->done.value();
}

base::Task<void> ObjectLogMetadataStore::stop() {
  tasks_.request_stop();
  work_.notify_all();
  co_await tasks_.stop_and_join();
}

base::Task<void> ObjectLogMetadataStore::run() {
  base::Duration backoff = options_.backoff_min;
  while (!tasks_.stopping()) {
    snapshot_if_due();
    if (pending_.empty() && !writer_.in_flight() && next_round_ == nullptr && rounds_.empty()) {
      co_await work_.wait();
      continue;
    }
    const LogPosition before = replica_.position();
    const base::Status status = co_await turn();
    if (!status && is_fatal(status.error())) {
      base::log_error("metadata log ended reason=\"" + status.error().message + "\"");
      end(status.error());
      co_return;
    }
    if (status && (!writer_.in_flight() || replica_.position() > before)) {
      backoff = options_.backoff_min;
      continue;
    }
    if (!co_await tasks_.sleep_for(backoff)) break;
    backoff = std::min(backoff * 2, options_.backoff_max);
  }
  end(base::Error{ErrorCode::kClosed, "metadata store is stopping"});
}

base::Task<base::Status> ObjectLogMetadataStore::turn() {
  if (!writer_.in_flight() && !pending_.empty()) begin_entry();
  // Readers of before the attempt: what it finds out answers them too.
  if (next_round_ != nullptr) rounds_.push_back(std::exchange(next_round_, nullptr));
  bool current = false;
  if (writer_.in_flight()) current = CO_TRY(co_await write_entry());
  if (rounds_.empty()) co_return base::Status{};
  while (!current && !tasks_.stopping()) current = CO_TRY(co_await replica_.advance());
  if (!current) co_return base::Status{};
  for (const Round& round : rounds_) round->set(base::Status{});
  rounds_.clear();
  co_return base::Status{};
}

void ObjectLogMetadataStore::begin_entry() {
  std::vector<Transaction> transactions;
  size_t bytes = 0;
  while (!pending_.empty() && transactions.size() < kTransactionsPerEntryMax &&
         bytes + pending_.front()->bytes <= kTransactionBytesMax) {
    bytes += pending_.front()->bytes;
    transactions.push_back(std::move(pending_.front()->transaction));
    sent_.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  writer_.begin(std::move(transactions));
}

base::Task<base::Result<bool>> ObjectLogMetadataStore::write_entry() {
  const LogWriter::Attempt attempt = CO_TRY(co_await writer_.attempt());
  if (attempt.fate != LogWriter::Fate::kUndecided) answer_sent(attempt);
  co_return attempt.caught_up;
}

void ObjectLogMetadataStore::answer_sent(const LogWriter::Attempt& attempt) {
  for (size_t i = 0; i < sent_.size(); ++i) {
    base::Status status;
    if (attempt.fate == LogWriter::Fate::kNoSpace) {
      status = base::fail(ErrorCode::kNoSpace, "no space for a metadata log entry");
    } else if (attempt.fate == LogWriter::Fate::kUnknown) {
      status = base::fail(ErrorCode::kUnknownOutcome, "incarnation was retired");
    } else if (!attempt.held[i]) {
      status = base::fail(ErrorCode::kConditionFailed, "a condition did not hold");
    }
    answer(*sent_[i], std::move(status));
  }
  sent_.clear();
}

void ObjectLogMetadataStore::answer(Pending& pending, base::Status status) {
  pending_bytes_.release(pending.bytes + kPendingOverheadBytes);
  pending.done.set(std::move(status));
}

void ObjectLogMetadataStore::end(const base::Error& error) {
  ended_ = error;
  pending_bytes_.close();
  for (const auto& each : sent_) {
    answer(*each, base::fail(ErrorCode::kUnknownOutcome, error.message));
  }
  sent_.clear();
  for (const auto& each : pending_) answer(*each, std::unexpected(error));
  pending_.clear();
  if (next_round_ != nullptr) rounds_.push_back(std::exchange(next_round_, nullptr));
  for (const Round& round : rounds_) round->set(std::unexpected(error));
  rounds_.clear();
}

void ObjectLogMetadataStore::snapshot_if_due() {
  if (snapshotting_ || replica_.position() < snapshot_not_before_) return;
  const uint64_t entries = replica_.entries_since_snapshot();
  if (entries == 0) return;
  if (entries < options_.snapshot_entries + snapshot_jitter_ &&
      replica_.bytes_since_snapshot() < options_.snapshot_log_bytes) {
    return;
  }
  snapshotting_ = true;
  tasks_.spawn(snapshot_and_collect());
}

base::Task<void> ObjectLogMetadataStore::snapshot_and_collect() {
  base::Status status = co_await write_snapshot();
  if (status) status = co_await collector_.collect(tasks_);
  if (!status && !tasks_.stopping()) {
    base::log_warn("metadata snapshot put off reason=\"" + status.error().message + "\"");
    snapshot_not_before_ =
        replica_.position() + std::max<uint64_t>(1, options_.snapshot_entries / 8);
  }
  snapshotting_ = false;
}

base::Task<base::Status> ObjectLogMetadataStore::write_snapshot() {
  if (!options_.single_writer) {
    // Another node may have written one meanwhile.
    const LogPosition last = replica_.position() - replica_.entries_since_snapshot();
    const auto verified = CO_TRY(co_await snapshots_.newest_two_verified());
    if (!verified.empty() && verified.front() > last) {
      replica_.note_snapshot(verified.front());
      co_return base::Status{};
    }
  }
  const LogPosition position = replica_.position();
  if (!CO_TRY(co_await snapshots_.write(position, replica_.shared_state(), tasks_))) {
    co_return base::fail(ErrorCode::kCorrupt,
                         object_name(kSnapshotPrefix, position) + ": damaged when read back");
  }
  replica_.note_snapshot(position);
  co_return base::Status{};
}

}  // namespace thalweg::metadata
