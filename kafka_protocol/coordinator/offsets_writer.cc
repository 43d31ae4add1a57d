#include "kafka_protocol/coordinator/offsets_writer.h"

#include <algorithm>
#include <iterator>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::coordinator {

using base::ErrorCode;
using base::Status;
using base::Task;
using wire::KafkaError;

namespace {

// Failures after which the log is what it was.
bool nothing_was_appended(ErrorCode code) {
  return code == ErrorCode::kTooLarge || code == ErrorCode::kNoSpace ||
         code == ErrorCode::kUnavailable || code == ErrorCode::kInvalidArgument;
}

size_t bytes_of(const KeyValueRecord& record) {
  return record.key.size() + (record.value ? record.value->size() : 0);
}

size_t bytes_of(const std::vector<KeyValueRecord>& records) {
  size_t bytes = 0;
  for (const KeyValueRecord& record : records) bytes += bytes_of(record);
  return bytes;
}

}  // namespace

KafkaError kafka_error_of(const base::Error& error) {
  switch (error.code) {
    case ErrorCode::kFenced:
    case ErrorCode::kClosed: return KafkaError::kNotCoordinator;
    case ErrorCode::kTooLarge:
    case ErrorCode::kInvalidArgument: return KafkaError::kUnknownServerError;
    default: return KafkaError::kCoordinatorNotAvailable;
  }
}

void OffsetsWriter::push(std::vector<KeyValueRecord> records, Done done) {
  CHECK(!records.empty());
  queue_.push_back({std::move(records), std::move(done)});
  pushed_.notify_all();
}

Task<base::Error> OffsetsWriter::run(size_t replayed) {
  CHECK(!running_);
  running_ = true;
  rewriting_ = false;
  records_on_log_ = replayed;
  Status status;
  while (!stopping_ && status.has_value()) {
    if (!queue_.empty()) {
      status = co_await append_batch();
    } else if (!rewriting_ && !rewrite_due()) {
      co_await pushed_.wait();
      continue;
    }
    if (status.has_value() && (rewriting_ || rewrite_due())) status = co_await rewrite_some();
  }
  running_ = false;
  if (status.has_value()) status = base::fail(ErrorCode::kClosed, "the coordinator was stopped");
  fail_queued(kafka_error_of(status.error()));
  co_return std::move(status).error();
}

void OffsetsWriter::stop() {
  stopping_ = true;
  room_.close();
  pushed_.notify_all();
}

// Whole writes only: the records of one belong together.
std::vector<KeyValueRecord> OffsetsWriter::take_batch(std::vector<Done>& dones) {
  std::vector<KeyValueRecord> batch;
  size_t bytes = 0;
  while (!queue_.empty()) {
    Write& write = queue_.front();
    const size_t more = bytes_of(write.records);
    const bool fits =
        batch.size() + write.records.size() <= kAppendRecordsMax && bytes + more <= kAppendBytesMax;
    if (!batch.empty() && !fits) break;
    bytes += more;
    std::move(write.records.begin(), write.records.end(), std::back_inserter(batch));
    dones.push_back(std::move(write.done));
    queue_.pop_front();
  }
  return batch;
}

// One append if it fits, which only a write that is large by itself does not. The offset of the
// first record.
Task<base::Result<int64_t>> OffsetsWriter::append_parts(std::vector<KeyValueRecord> records) {
  std::optional<int64_t> first;
  for (size_t at = 0; at < records.size();) {
    std::vector<KeyValueRecord> part;
    size_t bytes = 0;
    do {
      bytes += bytes_of(records[at]);
      part.push_back(std::move(records[at++]));
    } while (at < records.size() && part.size() < kAppendRecordsMax &&
             bytes + bytes_of(records[at]) <= kAppendBytesMax);
    auto appended = co_await log_.append(std::move(part));
    if (!appended.has_value()) {
      // With half of it on the log, only the log knows.
      if (first) appended.error().code = ErrorCode::kUnknownOutcome;
      co_return appended;
    }
    if (!first) first = *appended;
  }
  co_return *first;
}

Task<Status> OffsetsWriter::append_batch() {
  std::vector<Done> dones;
  std::vector<KeyValueRecord> batch = take_batch(dones);
  const size_t count = batch.size();
  const auto appended = co_await append_parts(std::move(batch));
  if (appended.has_value()) {
    records_on_log_ += count;
    records_since_start_ += count;
  }
  const KafkaError error =
      appended.has_value() ? KafkaError::kNone : kafka_error_of(appended.error());
  for (Done& done : dones) done(error);
  if (appended.has_value()) co_return Status();
  if (!nothing_was_appended(appended.error().code)) co_return std::unexpected(appended.error());
  base::log_warn("coordinator: append refused: " + appended.error().message);
  co_return Status();
}

bool OffsetsWriter::rewrite_due() const {
  return records_on_log_ > std::max(rewrite_records_min_, 2 * live_.count());
}

Task<Status> OffsetsWriter::rewrite_some() {
  if (!rewriting_) {
    rewriting_ = true;
    cursor_.clear();
    rewrite_start_ = -1;
    records_since_start_ = 0;
  }
  std::vector<KeyValueRecord> batch = live_.next(cursor_, kAppendRecordsMax);
  if (batch.empty()) co_return co_await finish_rewrite();
  const size_t count = batch.size();
  const auto appended = co_await append_parts(std::move(batch));
  if (appended.has_value()) {
    if (rewrite_start_ < 0) rewrite_start_ = *appended;
    records_on_log_ += count;
    records_since_start_ += count;
    co_return Status();
  }
  if (!nothing_was_appended(appended.error().code)) co_return std::unexpected(appended.error());
  base::log_warn("coordinator: rewrite given up: " + appended.error().message);
  rewriting_ = false;
  records_on_log_ = 0;  // try again after as many records as make it worth while
  co_return Status();
}

Task<Status> OffsetsWriter::finish_rewrite() {
  rewriting_ = false;
  ++rewrites_;
  records_on_log_ = records_since_start_;
  if (rewrite_start_ < 0)
    co_return Status();  // nothing is alive; the log goes with the next rewrite
  const Status trimmed = co_await log_.trim(rewrite_start_);
  if (!trimmed.has_value()) {
    base::log_warn("coordinator: trim failed: " + trimmed.error().message);
  }
  co_return Status();
}

void OffsetsWriter::fail_queued(KafkaError error) {
  while (!queue_.empty()) {
    Write write = std::move(queue_.front());
    queue_.pop_front();
    write.done(error);
  }
}

}  // namespace thalweg::coordinator
