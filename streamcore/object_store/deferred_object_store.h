// DeferredObjectStore: a store that could not be opened yet. Each call tries, all that are there at
// the time together; while it fails nothing was done, and the call answers what a store that is
// away answers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "streamcore/base/executor.h"
#include "streamcore/base/sync.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::object_store {

class DeferredObjectStore final : public ObjectStore {
 public:
  using Open = std::function<base::Task<base::Result<std::unique_ptr<ObjectStore>>>()>;
  DeferredObjectStore(base::Executor& executor, Open open)
      : executor_(executor), open_(std::move(open)) {}

  base::Task<base::Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override;
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<ByteRange> range) override;
  base::Task<base::Result<ObjectInfo>> head(std::string key) override;
  base::Task<base::Result<PutOutcome>> put_twice(std::string key, base::Parts parts) override;
  base::Task<base::Status> remove(std::string key) override;
  base::Task<base::Status> remove_all(std::vector<std::string> keys) override;
  base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) override;

 private:
  // kUnavailable.
  base::Task<base::Status> opened();

  base::Executor& executor_;
  Open open_;
  std::shared_ptr<base::OneShot<base::Status>> attempt_;  // shared with those who wait for it
  std::unique_ptr<ObjectStore> store_;
};

}  // namespace thalweg::object_store
