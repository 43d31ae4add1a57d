// LogPlaces: where the logs of a store's channels are, one place for each storage class. Given to a
// store by whoever knows directories and buckets; a place is opened when its channel is.
#pragma once

#include <vector>

#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/options.h"

namespace thalweg {

namespace chunk {
class ChunkReplica;
}

class LogPlaces {
 public:
  virtual ~LogPlaces() = default;
  // The classes there is a place for. The first is that of a store's first channel, unless it was
  // asked for another, and of a channel whose row does not say.
  virtual const std::vector<StorageClass>& classes() const = 0;
  // The replicas of that class's log, one or three. `fresh`: no channel was ever opened there, so
  // that what is missing is made; otherwise it would be a loss (P8). The replicas outlive
  // the store. Called again for a class if its channel could not be opened.
  virtual base::Task<base::Result<std::vector<chunk::ChunkReplica*>>> open(
      StorageClass storage_class, bool fresh) = 0;
};

}  // namespace thalweg
