// Metadata that are as far away as a bucket: every look and every change takes 100 ms.
#pragma once

#include "streamcore/base/executor.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg {

// Readers that ask at the same time are answered at the same time.
class FarMetadata final : public metadata::MetadataStore {
 public:
  static constexpr base::Duration kFar = std::chrono::milliseconds(100);
  FarMetadata(base::Executor& executor, metadata::MetadataStore& store)
      : executor_(executor), store_(store) {}
  bool hides_objects = false;  // a scan of their rows takes until it is false

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override {
    co_await base::sleep_for(executor_, kFar);
    co_return co_await store_.get(std::move(key));
  }
  base::Task<base::Result<std::vector<metadata::KeyValue>>> scan(std::string prefix,
                                                                 std::string start_after,
                                                                 size_t limit) override {
    while (hides_objects && prefix.starts_with("object/")) {
      co_await base::sleep_for(executor_, kFar);
    }
    co_await base::sleep_for(executor_, kFar);
    co_return co_await store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  base::Task<base::Status> commit(metadata::Transaction transaction) override {
    co_await base::sleep_for(executor_, kFar);
    co_return co_await store_.commit(std::move(transaction));
  }

 private:
  base::Executor& executor_;
  metadata::MetadataStore& store_;
};

}  // namespace thalweg
