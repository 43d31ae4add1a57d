#include "kafka_protocol/handlers/fetch.h"

#include <algorithm>

#include "kafka_protocol/handlers/leader_epoch.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::FetchRequest;
using wire::FetchResponse;
using wire::KafkaError;
using PartitionAsked = FetchRequest::Topic::Partition;
using PartitionAnswer = FetchResponse::Topic::Partition;

namespace {

// How much may still be read for a request.
struct Budget {
  size_t bytes_left;
  size_t bytes_read = 0;
  bool failed = false;  // a partition has an error: answer at once
};

// Wakes its fetch when any partition it watches moves, at the deadline, or at shutdown.
class FetchWait final : public TailWatch {
 public:
  explicit FetchWait(base::Executor& executor) : moved_(executor) {}
  void tail_moved(StreamId, Offset) override { moved_.set(); }
  base::Event& moved() { return moved_; }

 private:
  base::Event moved_;
};

TopicRef find_topic(Broker& broker, const Call& call, const FetchRequest::Topic& topic) {
  return call.version() >= 13 ? broker.topics.find(topic.topic_id)
                              : broker.topics.find(topic.topic);
}

void refuse(PartitionAnswer& answer, Budget& budget, KafkaError error) {
  answer.error_code = error;
  answer.high_watermark = -1;
  budget.failed = true;
}

KafkaError error_of(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kOutOfRange: return KafkaError::kOffsetOutOfRange;
    case base::ErrorCode::kNotFound: return KafkaError::kUnknownTopicOrPartition;
    case base::ErrorCode::kCorrupt: return KafkaError::kCorruptMessage;
    default: return KafkaError::kKafkaStorageError;
  }
}

void set_bounds(PartitionAnswer& answer, const StreamBounds& bounds) {
  answer.high_watermark = static_cast<int64_t>(bounds.durable_tail.value);
  // Without transactions everything durable is stable.
  answer.last_stable_offset = answer.high_watermark;
  answer.log_start_offset = static_cast<int64_t>(bounds.trim_point.value);
}

// A topic whose compression.type is zstd is shown only to clients that say they know zstd (Fetch
// v10, KIP-110, B32). What a producer compressed by its own choice is passed on to everybody, as in
// Kafka: many libraries read zstd and still send an older Fetch.
bool wants_zstd(const topics::Topic& topic) {
  const auto& configs = topic.row().configs;
  return std::find(configs.begin(), configs.end(),
                   std::pair<std::string, std::string>("compression.type", "zstd")) !=
         configs.end();
}

base::Task<void> read_partition(Broker& broker, const Call& call, TopicRef topic,
                                const PartitionAsked& asked, PartitionAnswer& answer,
                                Budget& budget) {
  if (call.version() < 10 && wants_zstd(*topic)) {
    co_return refuse(answer, budget, KafkaError::kUnsupportedCompressionType);
  }
  const StreamId stream = topic->stream(asked.partition);
  base::Result<StreamBounds> bounds = co_await broker.store.bounds(stream);
  if (!bounds.has_value()) co_return refuse(answer, budget, error_of(bounds.error()));
  const KafkaError epoch = check_leader_epoch(asked.current_leader_epoch, bounds->leader_epoch);
  if (epoch != KafkaError::kNone) co_return refuse(answer, budget, epoch);
  const auto from = static_cast<uint64_t>(asked.fetch_offset);
  if (asked.fetch_offset < 0 || from < bounds->trim_point.value ||
      from > bounds->durable_tail.value) {
    co_return refuse(answer, budget, KafkaError::kOffsetOutOfRange);
  }
  set_bounds(answer, *bounds);
  if (from == bounds->durable_tail.value) co_return;
  // The first partition with data gives a whole batch even past the limits, the others keep to them
  // (KIP-74, B26).
  const bool first = budget.bytes_read == 0;
  const size_t limit = std::min<size_t>(std::max(asked.partition_max_bytes, 0), budget.bytes_left);
  if (!first && limit == 0) co_return;
  base::Result<ReadResult> read = co_await broker.store.read(stream, Offset(from), limit);
  if (!read.has_value()) co_return refuse(answer, budget, error_of(read.error()));
  set_bounds(answer, read->bounds);
  if (read->entries.empty()) co_return;
  if (!first && read->entries.front().payload.bytes.size() > limit) co_return;
  for (EntryRef& entry : read->entries) answer.records->append(std::move(entry.payload));
  const size_t bytes = answer.records->size_bytes();
  budget.bytes_read += bytes;
  budget.bytes_left -= std::min(bytes, budget.bytes_left);
}

base::Task<Budget> read_all(Broker& broker, const Call& call, const FetchRequest& request,
                            FetchResponse& response) {
  Budget budget{.bytes_left = static_cast<size_t>(
                    std::clamp(request.max_bytes, 0, broker.settings.fetch_bytes_max))};
  response.responses.clear();
  response.responses.resize(request.topics.size());
  for (size_t t = 0; t < request.topics.size(); ++t) {
    const FetchRequest::Topic& asked = request.topics[t];
    FetchResponse::Topic& answered = response.responses[t];
    answered.topic = asked.topic;
    answered.topic_id = asked.topic_id;
    answered.partitions.resize(asked.partitions.size());
    const TopicRef topic = find_topic(broker, call, asked);
    for (size_t p = 0; p < asked.partitions.size(); ++p) {
      PartitionAnswer& answer = answered.partitions[p];
      answer.partition_index = asked.partitions[p].partition;
      // Nothing aborted: read_committed clients want the list, and it is empty (B28).
      if (request.isolation_level == 1) answer.aborted_transactions.emplace();
      if (topic == nullptr && call.version() >= 13) {
        refuse(answer, budget, KafkaError::kUnknownTopicId);
      } else if (topic == nullptr || !topic->has_partition(answer.partition_index)) {
        refuse(answer, budget, KafkaError::kUnknownTopicOrPartition);
      } else {
        co_await read_partition(broker, call, topic, asked.partitions[p], answer, budget);
      }
    }
  }
  co_return budget;
}

base::Task<void> watch_all(Broker& broker, const Call& call, const FetchRequest& request,
                           FetchWait& wait) {
  for (const FetchRequest::Topic& asked : request.topics) {
    const TopicRef topic = find_topic(broker, call, asked);
    if (topic == nullptr) continue;
    for (const PartitionAsked& partition : asked.partitions) {
      if (!topic->has_partition(partition.partition)) continue;
      // A stream that cannot be watched shows its error when it is read at the deadline.
      (void)co_await broker.store.watch(topic->stream(partition.partition), wait);
    }
  }
}

bool enough(const FetchRequest& request, const Budget& budget) {
  return budget.failed || request.max_wait_ms <= 0 || request.topics.empty() ||
         budget.bytes_read >= static_cast<size_t>(std::max(request.min_bytes, 0));
}

}  // namespace

base::Task<FetchResponse> fetch(Broker& broker, const Call& call, const FetchRequest& request) {
  FetchResponse response;
  // Sessions are optional: session id 0 makes the client send full fetches (KIP-227, B29). Only a
  // client that believes it has one is told that it does not.
  if (request.session_id != 0) {
    response.error_code = KafkaError::kFetchSessionIdNotFound;
    co_return response;
  }
  Budget budget = co_await read_all(broker, call, request, response);
  if (enough(request, budget) || broker.stopping.is_set()) co_return response;
  FetchWait wait(broker.home);
  co_await watch_all(broker, call, request, wait);
  const base::TimePoint deadline =
      broker.home.now() + std::chrono::milliseconds(request.max_wait_ms);
  struct Timer {
    base::Executor& executor;
    base::TimerId id;
    ~Timer() { executor.cancel(id); }
  } timer{broker.home,
          broker.home.run_after(deadline - broker.home.now(), [&wait] { wait.moved().set(); })};
  const ParkedFetch parked(broker.parked, wait.moved());
  for (;;) {
    // What came between the first look and the watch is seen here.
    wait.moved().reset();
    budget = co_await read_all(broker, call, request, response);
    if (enough(request, budget) || broker.home.now() >= deadline || broker.stopping.is_set()) break;
    co_await wait.moved().wait();
  }
  co_return response;
}

}  // namespace thalweg::handlers
