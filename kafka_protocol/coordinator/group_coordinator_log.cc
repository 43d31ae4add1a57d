// The coordinator and its log: what is written, what it is read back into, and what happens when
// the log breaks.
#include <utility>

#include "kafka_protocol/coordinator/group_coordinator.h"
#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::coordinator {

using base::ErrorCode;
using base::Status;
using base::Task;

namespace {

constexpr base::Duration kReloadDelayMin = std::chrono::milliseconds(100);
constexpr base::Duration kReloadDelayMax = std::chrono::seconds(10);

// Of the records of one replay that cannot be read, this many are described.
constexpr size_t kUnreadableLoggedMax = 10;

// A record of __consumer_offsets is lost to us; the others must not be.
void report(const base::Error& error) {
  base::log_error("coordinator: a record is passed over: " + error.message);
}

bool belongs_to_another(ErrorCode code) {
  return code == ErrorCode::kFenced || code == ErrorCode::kClosed;
}

}  // namespace

Task<Status> GroupCoordinator::load() {
  CO_TRY(co_await read_log());
  tasks_.spawn(serve());
  tasks_.spawn(expire_periodically());
  co_return Status();
}

Task<void> GroupCoordinator::stop() {
  phase_ = Phase::kLost;  // nothing new is begun
  writer_.stop();
  co_await tasks_.stop_and_join();
  drop_all(KafkaError::kNotCoordinator);
}

Task<Status> GroupCoordinator::read_log() {
  replayed_ = 0;
  size_t unreadable = 0;
  Status read = co_await log_.replay(
      [this, &unreadable](ByteView key, std::optional<ByteView> value, base::Timestamp) {
        const Status taken = replay_record(key, value);
        if (!taken.has_value() && ++unreadable <= kUnreadableLoggedMax) report(taken.error());
      });
  if (unreadable > kUnreadableLoggedMax) {
    base::log_error("coordinator: " + std::to_string(unreadable) + " records were passed over");
  }
  if (!read.has_value()) {
    drop_all(KafkaError::kCoordinatorLoadInProgress);
    co_return read;
  }
  restore_groups();
  phase_ = Phase::kActive;
  co_return Status();
}

Status GroupCoordinator::replay_record(ByteView key_bytes, std::optional<ByteView> value) {
  ++replayed_;
  OffsetsKey key = TRY(decode_key(key_bytes));
  if (const auto* commit = std::get_if<OffsetCommitKey>(&key)) {
    Entry& entry = find_or_create(commit->group);
    if (value) {
      entry.offsets.set(commit->topic, commit->partition, TRY(decode_offset_commit_value(*value)));
    } else {
      entry.offsets.erase(commit->topic, commit->partition);
    }
  } else if (const auto* group = std::get_if<GroupMetadataKey>(&key)) {
    auto& stored = find_or_create(group->group).stored;
    stored.reset();
    if (value) stored.emplace(value->begin(), value->end());
  }
  return {};
}

void GroupCoordinator::restore_groups() {
  live_records_ = 0;
  for (auto at = groups_.begin(); at != groups_.end();) {
    Entry& entry = *at->second;
    ++at;  // settle() may drop the entry
    if (entry.stored) {
      const auto value = decode_group_metadata_value(*entry.stored);
      if (value.has_value()) {
        entry.group.restore(*value, now());
        ++live_records_;
      } else {
        report(value.error());
        entry.stored.reset();
      }
    }
    live_records_ += entry.offsets.size();
    settle(entry);
  }
}

void GroupCoordinator::drop_all(KafkaError error) {
  writer_.fail_queued(error);
  for (auto& [id, entry] : groups_) {
    cancel_timer(*entry);
    entry->group.abandon(error);
  }
  groups_.clear();
  pending_.clear();
  pending_bytes_ = 0;
  live_records_ = 0;
}

// Runs the writer. A log that broke in an unknown way is read again: only it knows what became of
// the last append.
Task<void> GroupCoordinator::serve() {
  while (!tasks_.stopping()) {
    const base::Error error = co_await writer_.run(replayed_);
    if (tasks_.stopping()) co_return;
    const bool lost = belongs_to_another(error.code);
    phase_ = lost ? Phase::kLost : Phase::kLoading;
    base::log_warn(std::string("coordinator: ") +
                   (lost ? "log lost: " : "log broke, reading it again: ") + error.message);
    drop_all(KafkaError::kNotCoordinator);
    if (lost) co_return;

    for (auto delay = kReloadDelayMin; phase_ == Phase::kLoading;
         delay = std::min(2 * delay, kReloadDelayMax)) {
      if (!co_await tasks_.sleep_for(delay)) co_return;
      const Status read = co_await read_log();
      if (read.has_value()) break;
      base::log_warn("coordinator: " + read.error().message);
      if (belongs_to_another(read.error().code)) phase_ = Phase::kLost;
    }
    if (phase_ == Phase::kLost) co_return;
  }
}

void GroupCoordinator::store(const std::string& group_id, GroupMetadataValue value, Done done) {
  Bytes encoded = encode_value(value);
  KeyValueRecord record{.key = encode_key(GroupMetadataKey{group_id}),
                        .value = encoded,
                        .timestamp = clock_.wall_now()};
  std::vector<KeyValueRecord> records;
  records.push_back(std::move(record));
  push(group_id, std::move(records),
       [this, encoded = std::move(encoded), done = std::move(done)](KafkaError error,
                                                                    Entry* entry) mutable {
         if (entry == nullptr) return;
         if (error == KafkaError::kNone) {
           if (!entry->stored) ++live_records_;
           entry->stored = std::move(encoded);
         }
         done(error, now());
         settle(*entry);
       });
}

void GroupCoordinator::push(std::string group_id, std::vector<KeyValueRecord> records,
                            std::move_only_function<void(KafkaError, Entry*)> done) {
  if (Entry* entry = find(group_id); entry != nullptr) ++entry->writes_in_flight;
  ++writes_pushed_;
  writer_.push(std::move(records), [this, group_id = std::move(group_id),
                                    done = std::move(done)](KafkaError error) mutable {
    Entry* entry = find(group_id);
    if (entry != nullptr) --entry->writes_in_flight;
    done(error, entry);
    ++writes_settled_;
    write_done_.notify_all();
  });
}

Task<KafkaError> GroupCoordinator::write(std::string group_id, std::vector<KeyValueRecord> records,
                                         std::move_only_function<void(Entry&)> apply,
                                         std::optional<base::TimePoint> deadline) {
  const auto answer = std::make_shared<base::OneShot<KafkaError>>(executor_);
  push(std::move(group_id), std::move(records),
       [this, answer, apply = std::move(apply)](KafkaError error, Entry* entry) mutable {
         CHECK(entry != nullptr);
         if (error == KafkaError::kNone) apply(*entry);
         drop_if_nothing(*entry);  // no deadline came nearer
         answer->set(error);
       });
  base::TimerId timer = 0;
  if (deadline) {
    timer = executor_.run_after(*deadline - executor_.now(),
                                [answer] { answer->set(KafkaError::kCoordinatorNotAvailable); });
  }
  co_await answer->wait();
  if (deadline) executor_.cancel(timer);
  co_return answer->value();
}

Task<void> GroupCoordinator::settled(std::string group_id) {
  const Entry* entry = find(group_id);
  if (entry == nullptr || entry->writes_in_flight == 0) co_return;
  // Writes settle in the order of their pushes. A group that never stops writing must not hold up
  // who waits, so what is pushed from here on does not count.
  for (const uint64_t last = writes_pushed_; writes_settled_ < last;) co_await write_done_.wait();
}

std::vector<KeyValueRecord> GroupCoordinator::next(std::string& cursor, size_t records_max) const {
  std::vector<KeyValueRecord> records;
  const base::Timestamp wall = clock_.wall_now();
  auto at = cursor.empty() ? groups_.begin() : groups_.upper_bound(cursor);
  for (; at != groups_.end() && records.size() < records_max; ++at) {
    const auto& [id, entry] = *at;
    cursor = id;
    if (entry->stored) {
      records.push_back({encode_key(GroupMetadataKey{id}), *entry->stored, wall});
    }
    for (const auto& [topic, partitions] : entry->offsets.topics()) {
      for (const auto& [partition, value] : partitions) {
        records.push_back(
            {encode_key(OffsetCommitKey{id, topic, partition}), encode_value(value), wall});
      }
    }
  }
  return records;
}

}  // namespace thalweg::coordinator
