// MemoryMetadataStore: the backend without a disk, for the simulator and tests. It answers
// asynchronously like the others: the state is looked at, or changed, one turn of the executor
// after the call, and the caller goes on one later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/metadata/metadata_store.h"
#include "streamcore/metadata/ordered_state.h"

namespace thalweg::metadata {

class MemoryMetadataStore final : public MetadataStore {
 public:
  explicit MemoryMetadataStore(base::Executor& executor) : executor_(executor) {}

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override;
  base::Task<base::Result<std::vector<KeyValue>>> scan(std::string prefix, std::string start_after,
                                                       size_t limit) override;
  base::Task<base::Status> commit(Transaction transaction) override;

 private:
  base::Executor& executor_;
  OrderedState state_;
};

}  // namespace thalweg::metadata
