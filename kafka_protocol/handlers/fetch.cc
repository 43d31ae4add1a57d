#include "kafka_protocol/handlers/fetch.h"

#include <algorithm>

#include "kafka_protocol/handlers/answer_budget.h"
#include "kafka_protocol/handlers/leader_epoch.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::FetchRequest;
using wire::FetchResponse;
using wire::KafkaError;
using PartitionAsked = FetchRequest::Topic::Partition;
using PartitionAnswer = FetchResponse::Topic::Partition;

namespace {

// An answer is one frame, of less than 2 GiB.
constexpr int32_t kFetchBytesMax = 1 << 30;

// Where the reading of one partition stands.
struct Place {
  topics::Topic* topic;
  const PartitionAsked* asked;
  PartitionAnswer* answer;
  StreamId stream;
  Offset next;
};

// A fetch on its way.
struct Reading {
  const Call& call;
  const FetchRequest& request;
  int32_t self;
  size_t bytes_left;
  size_t bytes_wanted;
  size_t bytes_read = 0;
  bool failed = false;  // a partition has an error: answer at once
  FetchResponse response{};
  std::vector<TopicRef> topics{};  // of the response's, in order
  std::vector<Place> places{};     // those without an error
};

Reading make_reading(const Broker& broker, const Call& call, const FetchRequest& request) {
  const int32_t most = std::min(broker.settings.fetch_bytes_max, kFetchBytesMax);
  const auto bytes = static_cast<size_t>(std::clamp(request.max_bytes, 0, most));
  const auto wanted = static_cast<size_t>(std::max(request.min_bytes, 0));
  return {.call = call,
          .request = request,
          .self = broker.settings.node_id,
          .bytes_left = bytes,
          .bytes_wanted = std::min(wanted, bytes)};
}

// Wakes its fetch when a stream it watches moves, and remembers which.
class FetchWait final : public TailWatch {
 public:
  explicit FetchWait(base::Executor& executor) : woken_(executor) {}
  void tail_moved(StreamId stream, Offset) override {
    if (moved_.empty() || moved_.back() != stream) moved_.push_back(stream);
    woken_.set();
  }
  base::Event& woken() { return woken_; }
  std::vector<StreamId> take_moved() {
    std::vector<StreamId> moved = std::exchange(moved_, {});
    std::ranges::sort(moved);
    const auto repeats = std::ranges::unique(moved);
    moved.erase(repeats.begin(), repeats.end());
    return moved;
  }

 private:
  base::Event woken_;
  std::vector<StreamId> moved_;
};

TopicRef find_topic(Broker& broker, const Call& call, const FetchRequest::Topic& topic) {
  return call.version() >= 13 ? broker.topics.find(topic.topic_id)
                              : broker.topics.find(topic.topic);
}

void refuse(Reading& reading, PartitionAnswer& answer, KafkaError error) {
  answer.error_code = error;
  answer.high_watermark = answer.last_stable_offset = answer.log_start_offset = -1;
  answer.records.emplace();
  reading.failed = true;
}

// What a client with an old epoch needs to go on at once (KIP-951).
void hint_leader(Reading& reading, PartitionAnswer& answer, LeaderEpoch epoch) {
  if (reading.call.version() < 16) return;
  answer.current_leader = {.leader_id = reading.self, .leader_epoch = epoch.value};
  if (!reading.response.node_endpoints.empty()) return;
  const server::Endpoint& self = reading.call.advertised();
  reading.response.node_endpoints.push_back(
      {.node_id = reading.self, .host = self.host, .port = self.port, .rack = std::nullopt});
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

// Checks what the client believes against what is there. False if it was refused.
bool accept(Reading& reading, const Place& place, const StreamBounds& bounds) {
  const KafkaError epoch =
      check_leader_epoch(place.asked->current_leader_epoch, bounds.leader_epoch);
  if (epoch != KafkaError::kNone) {
    refuse(reading, *place.answer, epoch);
    if (epoch == KafkaError::kFencedLeaderEpoch) {
      hint_leader(reading, *place.answer, bounds.leader_epoch);
    }
    return false;
  }
  if (place.asked->fetch_offset < 0 || place.next < bounds.trim_point ||
      place.next > bounds.durable_tail) {
    refuse(reading, *place.answer, KafkaError::kOffsetOutOfRange);
    return false;
  }
  set_bounds(*place.answer, bounds);
  return true;
}

// A client that names the epoch of its last record is told where its log and this one part
// (KIP-595, Partition.readRecords). False if they do.
base::Task<bool> agrees(Broker& broker, Reading& reading, const Place& place, StreamBounds bounds) {
  topics::Partition& partition = place.topic->partition(broker.home, place.asked->partition);
  const base::Status loaded = co_await partition.load(broker.store);
  if (!loaded.has_value()) {
    refuse(reading, *place.answer, error_of(loaded.error()));
    co_return false;
  }
  const int32_t epoch = place.asked->last_fetched_epoch;
  const auto end = partition.leader_epochs().end_of(epoch, bounds.leader_epoch.value,
                                                    place.answer->log_start_offset,
                                                    place.answer->high_watermark);
  if (end.epoch < 0) {
    refuse(reading, *place.answer, KafkaError::kOffsetOutOfRange);
    co_return false;
  }
  if (end.epoch >= epoch && end.offset >= place.asked->fetch_offset) co_return true;
  place.answer->diverging_epoch = {.epoch = end.epoch, .end_offset = end.offset};
  reading.failed = true;
  co_return false;
}

// Takes in what lies at `place`, within the limits. The first partition with data gives a whole
// batch even past them, the others keep to them (KIP-74, B26).
base::Task<void> read_on(Broker& broker, Reading& reading, Place& place) {
  PartitionAnswer& answer = *place.answer;
  const size_t before = answer.records->size_bytes();
  const auto most = static_cast<size_t>(std::max(place.asked->partition_max_bytes, 0));
  const size_t limit = std::min(most - std::min(before, most), reading.bytes_left);
  const bool first = reading.bytes_read == 0;
  if (!first && limit == 0) co_return;
  base::Result<ReadResult> read = co_await broker.store.read(place.stream, place.next, limit);
  if (!read.has_value()) co_return refuse(reading, answer, error_of(read.error()));
  set_bounds(answer, read->bounds);
  if (read->entries.empty()) co_return;
  const size_t least = read->entries.front().payload.bytes.size();
  if (!first && least > limit) {
    if (least > reading.bytes_left) reading.bytes_left = 0;  // full: read no more in vain
    co_return;
  }
  place.next = read->entries.back().header.end();
  for (EntryRef& entry : read->entries) answer.records->append(std::move(entry.payload));
  const size_t bytes = answer.records->size_bytes() - before;
  reading.bytes_read += bytes;
  reading.bytes_left -= std::min(bytes, reading.bytes_left);
}

// The first look at a partition that is not at its tail, or not in memory.
base::Task<void> look_closely(Broker& broker, Reading& reading, Place place) {
  const base::Result<StreamBounds> bounds = co_await broker.store.bounds(place.stream);
  if (!bounds.has_value()) {
    co_return refuse(reading, *place.answer, error_of(bounds.error()));
  }
  if (!accept(reading, place, *bounds)) co_return;
  if (place.asked->last_fetched_epoch >= 0 && !co_await agrees(broker, reading, place, *bounds)) {
    co_return;
  }
  if (place.next < bounds->durable_tail) co_await read_on(broker, reading, place);
  if (place.answer->error_code == KafkaError::kNone) reading.places.push_back(place);
}

// True if that was all there is to see: most partitions of a long poll are at their tail.
bool look(const Broker& broker, Reading& reading, const Place& place) {
  if (place.asked->last_fetched_epoch >= 0) return false;
  const auto known = broker.store.known_bounds(place.stream);
  if (!known.has_value() || place.next != known->durable_tail) return false;
  if (accept(reading, place, *known)) reading.places.push_back(place);
  return true;
}

// The error of a partition that cannot even be looked at.
KafkaError fault_of(const Call& call, const TopicRef& topic, int32_t partition) {
  if (topic == nullptr && call.version() >= 13) return KafkaError::kUnknownTopicId;
  if (topic == nullptr || !topic->has_partition(partition)) {
    return KafkaError::kUnknownTopicOrPartition;
  }
  if (call.version() < 10 && wants_zstd(*topic)) return KafkaError::kUnsupportedCompressionType;
  return KafkaError::kNone;
}

base::Task<void> read_all(Broker& broker, Reading& reading) {
  const FetchRequest& request = reading.request;
  AnswerBudget turns;
  reading.response.responses.resize(request.topics.size());
  for (size_t t = 0; t < request.topics.size(); ++t) {
    const FetchRequest::Topic& asked = request.topics[t];
    FetchResponse::Topic& answered = reading.response.responses[t];
    answered.topic = asked.topic;
    answered.topic_id = asked.topic_id;
    answered.partitions.resize(asked.partitions.size());
    const TopicRef topic = find_topic(broker, reading.call, asked);
    reading.topics.push_back(topic);
    for (size_t p = 0; p < asked.partitions.size(); ++p) {
      if (turns.turn_is_over()) co_await base::yield(broker.home);
      PartitionAnswer& answer = answered.partitions[p];
      answer.partition_index = asked.partitions[p].partition;
      // Nothing aborted: read_committed clients want the list, and it is empty (B28).
      if (request.isolation_level == 1) answer.aborted_transactions.emplace();
      const KafkaError fault = fault_of(reading.call, topic, answer.partition_index);
      if (fault != KafkaError::kNone) {
        refuse(reading, answer, fault);
        continue;
      }
      const Place place{.topic = topic.get(),
                        .asked = &asked.partitions[p],
                        .answer = &answer,
                        .stream = topic->stream(answer.partition_index),
                        .next = Offset(static_cast<uint64_t>(asked.partitions[p].fetch_offset))};
      if (!look(broker, reading, place)) co_await look_closely(broker, reading, place);
    }
  }
}

// What came between the look and the watch counts as moved.
base::Task<void> watch_all(Broker& broker, Reading& reading, FetchWait& wait) {
  AnswerBudget turns;
  std::ranges::sort(reading.places, {}, &Place::stream);
  for (const Place& place : reading.places) {
    if (turns.turn_is_over()) co_await base::yield(broker.home);
    // A stream that cannot be watched is only looked at by the next fetch.
    if (!broker.store.watch_known(place.stream, wait)) {
      (void)co_await broker.store.watch(place.stream, wait);
    }
    const auto known = broker.store.known_bounds(place.stream);
    if (known.has_value() && place.next < known->durable_tail) {
      wait.tail_moved(place.stream, known->durable_tail);
    }
  }
}

base::Task<void> read_moved(Broker& broker, Reading& reading, FetchWait& wait) {
  for (const StreamId stream : wait.take_moved()) {
    for (Place& place : std::ranges::equal_range(reading.places, stream, {}, &Place::stream)) {
      if (place.answer->error_code == KafkaError::kNone) {
        co_await read_on(broker, reading, place);
      }
    }
  }
}

bool enough(const Reading& reading) {
  return reading.failed || reading.request.max_wait_ms <= 0 || reading.request.topics.empty() ||
         reading.bytes_read >= reading.bytes_wanted || reading.bytes_left == 0;
}

// What was deleted while its fetch waited.
void refuse_deleted(Reading& reading) {
  for (size_t t = 0; t < reading.topics.size(); ++t) {
    if (reading.topics[t] == nullptr || !reading.topics[t]->deleted()) continue;
    for (PartitionAnswer& answer : reading.response.responses[t].partitions) {
      refuse(reading, answer, fault_of(reading.call, nullptr, answer.partition_index));
    }
  }
}

// Whether the answer says of some partition where it ends, or is an error: a fetch from the midst
// of a log is right whoever owns it by now (P14).
bool tells_an_end(const Reading& reading) {
  return reading.failed || std::ranges::any_of(reading.places, [](const Place& place) {
           return static_cast<int64_t>(place.next.value) >= place.answer->high_watermark;
         });
}

base::Task<void> wait_for_more(Broker& broker, Reading& reading) {
  FetchWait wait(broker.home);
  const base::Duration longest = std::chrono::milliseconds(reading.request.max_wait_ms);
  const base::TimePoint deadline = broker.home.now() + longest;
  struct Timer {
    base::Executor& executor;
    base::TimerId id;
    ~Timer() { executor.cancel(id); }
  } timer{broker.home, broker.home.run_after(longest, [&wait] { wait.woken().set(); })};
  co_await watch_all(broker, reading, wait);
  const ParkedFetch parked(broker.parked, wait.woken());
  while (!enough(reading) && broker.home.now() < deadline && !broker.stopping.is_set()) {
    co_await wait.woken().wait();
    wait.woken().reset();
    co_await read_moved(broker, reading, wait);
  }
  refuse_deleted(reading);
}

}  // namespace

base::Task<base::Result<FetchResponse>> fetch(Broker& broker, const Call& call,
                                              const FetchRequest& request) {
  // Sessions are optional: session id 0 makes the client send full fetches (KIP-227, B29). Only a
  // client that believes it has one is told that it does not.
  if (request.session_id != 0) {
    co_return FetchResponse{.error_code = KafkaError::kFetchSessionIdNotFound};
  }
  Reading reading = make_reading(broker, call, request);
  co_await read_all(broker, reading);
  if (!enough(reading) && !broker.stopping.is_set()) co_await wait_for_more(broker, reading);
  if (!broker.store.is_owner() && tells_an_end(reading)) {
    CO_TRY(co_await broker.store.prove_ownership());
  }
  co_return std::move(reading.response);
}

}  // namespace thalweg::handlers
