// Partition: the state of one partition in memory: its producers and leader epochs, rebuilt from
// the stream (annotation, then the log) when first needed. A pure function of the
// stream; lives on the home core.
#pragma once

#include <memory>

#include "kafka_protocol/topics/partition_annotation_format.h"
#include "streamcore/base/sync.h"
#include "streamcore/stream_store.h"

namespace thalweg::topics {

class Partition {
 public:
  Partition(base::Executor& executor, StreamId stream) : stream_(stream), turn_(executor, 1) {}

  StreamId stream() const { return stream_; }
  bool loaded() const { return loaded_; }
  // Rebuilds the state, once; afterwards apply() keeps it.
  base::Task<base::Status> load(StreamStore& store);

  const ProducerTable& producers() const { return state_.producers; }
  const LeaderEpochTable& leader_epochs() const { return state_.leader_epochs; }
  // Takes in a batch that was just given its offset.
  void apply(const records::BatchView& batch) { apply_batch(state_, batch); }
  void drop_expired() { state_.producers.drop_expired(); }

 private:
  base::Task<base::Result<PartitionAnnotation>> rebuild(StreamStore& store);

  const StreamId stream_;
  bool loaded_ = false;
  PartitionAnnotation state_;
  base::Semaphore turn_;
};

}  // namespace thalweg::topics
