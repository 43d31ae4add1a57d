// ReplicaSuccession: which store has the place of one that was lost (P8). The rows of lost
// incarnations as they were when it was loaded; a chain, for a successor may be lost too.
//
// A channel's row goes on naming the lost incarnation until the channel is opened again: the epoch
// that is open is recovered without that store, and the next one is opened on its successor.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::channel {

class ReplicaSuccession {
 public:
  static base::Task<base::Result<ReplicaSuccession>> load(metadata::MetadataStore& metadata);

  // Who has the incarnation's place now: itself, unless it was lost.
  uint64_t newest(uint64_t incarnation) const;
  std::vector<uint64_t> newest(std::vector<uint64_t> incarnations) const;
  // Every incarnation there is a row of.
  std::vector<uint64_t> lost() const;

 private:
  std::map<uint64_t, uint64_t> successors_;
};

// The newest incarnations of the replicas of every log there is, by place.
base::Task<base::Result<std::vector<std::vector<uint64_t>>>> replicas_of_logs(
    metadata::MetadataStore& metadata, ReplicaSuccession succession);

// Which of the logs is on the stores whose markers were `found`, by place; the one at `lost` counts
// for nothing. Its replicas. kNotFound: none, and in words what is wrong with which place.
base::Result<std::vector<uint64_t>> log_on_stores(const std::vector<std::vector<uint64_t>>& logs,
                                                  const std::vector<uint64_t>& found, size_t lost);

// Declares the incarnation lost. kConditionFailed: another did.
base::Task<base::Status> replace_replica(metadata::MetadataStore& metadata, uint64_t lost,
                                         uint64_t successor);

}  // namespace thalweg::channel
