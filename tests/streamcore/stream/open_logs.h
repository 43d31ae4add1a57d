// OpenLogs: logs whose replicas somebody else opened.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "streamcore/base/check.h"
#include "streamcore/log_places.h"

namespace thalweg {

class OpenLogs final : public LogPlaces {
 public:
  using Replicas = std::vector<chunk::ChunkReplica*>;

  OpenLogs() = default;
  // A local log, and no other.
  explicit OpenLogs(Replicas replicas) { set(StorageClass::kLocal, std::move(replicas)); }

  void set(StorageClass storage_class, Replicas replicas) {
    if (!logs_.contains(storage_class)) classes_.push_back(storage_class);
    logs_[storage_class] = std::move(replicas);
  }
  const std::vector<StorageClass>& classes() const override { return classes_; }
  base::Task<base::Result<Replicas>> open(StorageClass storage_class, bool) override {
    const auto log = logs_.find(storage_class);
    CHECK(log != logs_.end());
    if (log->second.empty()) {
      co_return base::fail(base::ErrorCode::kUnavailable, "the log is not there");
    }
    co_return log->second;
  }

 private:
  std::vector<StorageClass> classes_;
  std::map<StorageClass, Replicas> logs_;
};

}  // namespace thalweg
