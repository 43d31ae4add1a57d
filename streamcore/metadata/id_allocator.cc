#include "streamcore/metadata/id_allocator.h"

#include <algorithm>

#include "streamcore/metadata/counter_row_format.h"

namespace thalweg::metadata {

base::Task<base::Result<uint64_t>> IdAllocator::take(uint64_t count) {
  co_await turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{turn_};
  if (end_ - next_ < count) CO_TRY(co_await refill(count));
  const uint64_t first = next_;
  next_ += count;
  co_return first;
}

base::Task<base::Status> IdAllocator::refill(uint64_t count) {
  for (;;) {
    const std::optional<std::string> row = CO_TRY(co_await metadata_.get(key_));
    uint64_t start = 1;
    if (row.has_value()) {
      const base::Result<uint64_t> next = decode_counter_row(*row);
      if (!next.has_value()) {
        co_return base::fail(next.error().code, key_ + ": " + next.error().message);
      }
      start = *next;
    }
    const uint64_t end = start + std::max(count, block_);
    Transaction advance;
    advance.require(key_, row).set(key_, encode_counter_row(end));
    const base::Status committed = co_await metadata_.commit(std::move(advance));
    if (committed.has_value()) {
      next_ = start;
      end_ = end;
      co_return base::Status{};
    }
    if (committed.error().code != base::ErrorCode::kConditionFailed) {
      co_return std::unexpected(committed.error());
    }
  }
}

}  // namespace thalweg::metadata
