// MemoryObjectStore: an ObjectStore that lives as long as its object, for tests and throw-away
// runs.
//
// Single-threaded; answers through the executor, never inline. An operation takes effect one turn
// before it is answered, so that a caller who dies in between leaves an outcome nobody knows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::object_store {

class MemoryObjectStore final : public ObjectStore {
 public:
  explicit MemoryObjectStore(base::Executor& executor) : executor_(&executor) {}

  // Answers on `executor` from now on: the caller was restarted, the objects stay.
  void attach(base::Executor& executor) { executor_ = &executor; }
  size_t object_count() const { return objects_.size(); }
  uint64_t bytes() const { return bytes_; }

  base::Task<base::Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override;
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<ByteRange> range) override;
  base::Task<base::Result<ObjectInfo>> head(std::string key) override;
  base::Task<base::Status> remove(std::string key) override;
  base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) override;

 private:
  base::Executor* executor_;
  std::map<std::string, base::Slice> objects_;
  uint64_t bytes_ = 0;
};

}  // namespace thalweg::object_store
