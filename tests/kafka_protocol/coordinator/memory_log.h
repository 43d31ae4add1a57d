// An offsets log in memory, whose appends take virtual time and fail when a test says so.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "kafka_protocol/coordinator/offsets_log.h"
#include "streamcore/base/executor.h"

namespace thalweg::coordinator {

class MemoryLog final : public OffsetsLog {
 public:
  explicit MemoryLog(base::Executor& executor) : executor_(&executor) {}
  // A new process reads it.
  void move_to(base::Executor& executor) { executor_ = &executor; }

  base::Task<base::Result<int64_t>> append(std::vector<KeyValueRecord> records) override {
    ++appends;
    size_t bytes = 0;
    for (const auto& r : records) bytes += r.key.size() + (r.value ? r.value->size() : 0);
    largest_append_bytes = std::max(largest_append_bytes, bytes);
    if (fail_after && appends > *fail_after) {
      fail_after.reset();
      fail_next = base::ErrorCode::kNoSpace;
    }
    co_await base::sleep_for(*executor_, append_takes);
    if (fail_next) {
      const base::ErrorCode code = *std::exchange(fail_next, std::nullopt);
      if (lands_all_the_same) keep(std::move(records));
      co_return base::fail(code, "asked to fail");
    }
    const int64_t at = end();
    keep(std::move(records));
    co_return at;
  }

  base::Task<base::Status> replay(ReplaySink sink) override {
    co_await base::sleep_for(*executor_, append_takes);
    if (fail_replay) co_return base::fail(*std::exchange(fail_replay, std::nullopt), "replay");
    for (const auto& record : records_) {
      std::optional<base::ByteView> value;
      if (record.value) value = *record.value;
      sink(record.key, value, record.timestamp);
    }
    co_return base::Status();
  }

  base::Task<base::Status> trim(int64_t offset) override {
    for (; start_ < offset; ++start_) records_.pop_front();
    co_return base::Status();
  }

  int64_t start() const { return start_; }
  int64_t end() const { return start_ + static_cast<int64_t>(records_.size()); }
  const std::deque<KeyValueRecord>& records() const { return records_; }
  // What a reader would keep: the newest value of each key.
  std::map<wire::Bytes, wire::Bytes> compacted() const {
    std::map<wire::Bytes, wire::Bytes> newest;
    for (const auto& record : records_) {
      if (record.value) {
        newest[record.key] = *record.value;
      } else {
        newest.erase(record.key);
      }
    }
    return newest;
  }

  base::Duration append_takes = std::chrono::milliseconds(1);
  std::optional<base::ErrorCode> fail_next;
  std::optional<base::ErrorCode> fail_replay;
  bool lands_all_the_same = false;  // the append that fails next is found by a replay
  std::optional<int> fail_after;    // refuse the append after this many
  int appends = 0;
  size_t largest_append_bytes = 0;

 private:
  void keep(std::vector<KeyValueRecord> records) {
    for (auto& record : records) records_.push_back(std::move(record));
  }

  base::Executor* executor_;
  std::deque<KeyValueRecord> records_;
  int64_t start_ = 0;
};

}  // namespace thalweg::coordinator
