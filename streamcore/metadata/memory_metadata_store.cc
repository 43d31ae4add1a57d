#include "streamcore/metadata/memory_metadata_store.h"

#include <utility>

#include "streamcore/metadata/log_entry_format.h"

namespace thalweg::metadata {

base::Task<base::Result<std::optional<std::string>>> MemoryMetadataStore::get(std::string key) {
  co_await base::yield(executor_);
  auto value = state_.get(key);
  co_await base::yield(executor_);
  co_return value;
}

base::Task<base::Result<std::vector<KeyValue>>> MemoryMetadataStore::scan(std::string prefix,
                                                                          std::string start_after,
                                                                          size_t limit) {
  co_await base::yield(executor_);
  auto found = state_.scan(prefix, start_after, limit);
  co_await base::yield(executor_);
  co_return found;
}

base::Task<base::Status> MemoryMetadataStore::commit(Transaction transaction) {
  const size_t bytes = encoded_bytes(transaction);
  if (bytes > kTransactionBytesMax) {
    co_return base::fail(base::ErrorCode::kTooLarge, "transaction of " + std::to_string(bytes) +
                                                         " bytes, at most " +
                                                         std::to_string(kTransactionBytesMax));
  }
  co_await base::yield(executor_);
  const bool held = state_.apply(transaction);
  co_await base::yield(executor_);
  if (held) co_return base::Status{};
  co_return base::fail(base::ErrorCode::kConditionFailed, "a condition did not hold");
}

}  // namespace thalweg::metadata
