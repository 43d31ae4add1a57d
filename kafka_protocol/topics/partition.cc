#include "kafka_protocol/topics/partition.h"

namespace thalweg::topics {

base::Task<base::Status> Partition::load(StreamStore& store) {
  if (loaded_) co_return base::Status{};
  co_await turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{turn_};
  if (loaded_) co_return base::Status{};
  state_ = CO_TRY(co_await rebuild(store));
  loaded_ = true;
  co_return base::Status{};
}

// Nothing is appended before the state is loaded, so the tail stands still meanwhile.
base::Task<base::Result<PartitionAnnotation>> Partition::rebuild(StreamStore& store) {
  const AnnotationAt start = CO_TRY(co_await store.annotation(stream_));
  PartitionAnnotation state = CO_TRY(decode_annotation(base::as_bytes(start.annotation)));
  for (const DigestedEntry& batch : start.after) apply_batch(state, BatchFacts(batch));
  co_return state;
}

}  // namespace thalweg::topics
