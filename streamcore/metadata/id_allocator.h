// IdAllocator: numbers in blocks from a counter row, never given out twice. What is left of a block
// at a restart is skipped, not re-used.
#pragma once

#include <cstdint>
#include <string>

#include "streamcore/base/sync.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::metadata {

class IdAllocator {
 public:
  // The row `key` holds the next number (counter_row_format.h); `block` numbers are taken at a
  // time.
  IdAllocator(base::Executor& executor, MetadataStore& metadata, std::string key, uint64_t block)
      : metadata_(metadata), key_(std::move(key)), block_(block), turn_(executor, 1) {}

  // The first of `count` numbers in a row.
  base::Task<base::Result<uint64_t>> take(uint64_t count);

 private:
  base::Task<base::Status> refill(uint64_t count);

  MetadataStore& metadata_;
  const std::string key_;
  const uint64_t block_;
  uint64_t next_ = 0;
  uint64_t end_ = 0;
  base::Semaphore turn_;
};

}  // namespace thalweg::metadata
