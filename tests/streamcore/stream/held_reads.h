// HeldReads: an ObjectStore whose reads wait for as long as a test holds them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "streamcore/base/sync.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg {

class HeldReads final : public object_store::ObjectStore {
 public:
  HeldReads(base::Executor& executor, object_store::ObjectStore& store)
      : store_(store), changed_(executor) {}

  void hold() { held_ = true; }
  void release() {
    held_ = false;
    changed_.notify_all();
  }
  size_t waiting() const { return waiting_; }

  base::Task<base::Result<object_store::PutOutcome>> put_if_absent(std::string key,
                                                                   base::Parts parts) override {
    return store_.put_if_absent(std::move(key), std::move(parts));
  }
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<object_store::ByteRange> range) override {
    ++waiting_;
    while (held_) co_await changed_.wait();
    --waiting_;
    co_return co_await store_.get(std::move(key), range);
  }
  base::Task<base::Result<object_store::ObjectInfo>> head(std::string key) override {
    return store_.head(std::move(key));
  }
  base::Task<base::Status> remove(std::string key) override {
    return store_.remove(std::move(key));
  }
  base::Task<base::Result<object_store::ListPage>> list(std::string prefix,
                                                        std::string start_after) override {
    return store_.list(std::move(prefix), std::move(start_after));
  }

 private:
  object_store::ObjectStore& store_;
  base::Notifier changed_;
  bool held_ = false;
  size_t waiting_ = 0;
};

}  // namespace thalweg
