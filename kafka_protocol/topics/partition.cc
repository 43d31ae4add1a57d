#include "kafka_protocol/topics/partition.h"

#include "kafka_protocol/records/batch_view.h"

namespace thalweg::topics {

namespace {
constexpr size_t kReplayBytesPerRead = 4 << 20;
}

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

// Nothing is appended before the state is loaded, so the tail stands still while it is read.
base::Task<base::Result<PartitionAnnotation>> Partition::rebuild(StreamStore& store) {
  const AnnotationAt start = CO_TRY(co_await store.annotation(stream_));
  PartitionAnnotation state = CO_TRY(decode_annotation(base::as_bytes(start.annotation)));
  StreamBounds bounds = CO_TRY(co_await store.bounds(stream_));
  Offset at = std::max(start.end, bounds.trim_point);
  while (at < bounds.durable_tail) {
    const ReadResult read = CO_TRY(co_await store.read(stream_, at, kReplayBytesPerRead));
    for (const EntryRef& entry : read.entries) {
      if (entry.header.base < start.end) continue;
      apply_batch(state, CO_TRY(records::BatchView::parse(entry.payload.bytes)));
    }
    at = read.entries.back().header.end();
    bounds = read.bounds;
  }
  co_return state;
}

}  // namespace thalweg::topics
