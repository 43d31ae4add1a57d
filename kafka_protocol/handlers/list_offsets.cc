#include "kafka_protocol/handlers/list_offsets.h"

#include <set>

#include "kafka_protocol/handlers/answer_budget.h"
#include "kafka_protocol/handlers/leader_epoch.h"
#include "kafka_protocol/records/record_iterator.h"

namespace thalweg::handlers {

using topics::TopicRef;
using wire::KafkaError;
using wire::ListOffsetsRequest;
using wire::ListOffsetsResponse;
using PartitionAsked = ListOffsetsRequest::Topic::Partition;
using PartitionAnswer = ListOffsetsResponse::Topic::Partition;

namespace {

constexpr int kBatchesPerTurn = 64;  // looked into for a timestamp

// Timestamps that mean a place (ListOffsetsRequest.java); each with the first version that knows it
// (B33).
constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;           // v7
constexpr int64_t kEarliestLocal = -4;          // v8
constexpr int64_t kLatestTiered = -5;           // v9
constexpr int64_t kEarliestPendingUpload = -6;  // v11

int16_t first_version_of(int64_t timestamp) {
  switch (timestamp) {
    case kMaxTimestamp: return 7;
    case kEarliestLocal: return 8;
    case kLatestTiered: return 9;
    case kEarliestPendingUpload: return 11;
    default: return timestamp < kEarliestPendingUpload ? INT16_MAX : 0;
  }
}

// What a request came to so far.
struct Lookup {
  Broker& broker;
  const Call& call;
  records::UncompressedBudget budget{};
  int passed = 0;  // batches without the record that was looked for
};

// Too much decompressed at once is tried again by the client, for what is left.
KafkaError error_of(const base::Error& error) {
  return error.code == base::ErrorCode::kTooLarge ? KafkaError::kKafkaStorageError
                                                  : KafkaError::kCorruptMessage;
}

using FoundRecord = base::Result<std::optional<records::OffsetAndTimestamp>>;

FoundRecord find_record(Lookup& lookup, const EntryRef& entry, base::Timestamp timestamp,
                        bool largest) {
  const records::BatchView batch = TRY(records::BatchView::parse(entry.payload.bytes));
  return largest ? records::max_timestamp_record(batch, lookup.budget)
                 : records::find_offset_by_timestamp(batch, timestamp, lookup.budget);
}

// The first record at or after `timestamp`; looks inside the batch, since a batch only knows its
// largest (B34), on the connection's core, as it may be compressed. A producer may have overstated
// the largest: then the next batch is looked into.
base::Task<void> by_timestamp(Lookup& lookup, StreamId stream, base::Timestamp timestamp,
                              bool largest, PartitionAnswer& answer) {
  Offset from(0);
  for (;;) {
    const auto entry = co_await lookup.broker.store.find_timestamp(stream, timestamp, from);
    if (!entry.has_value()) {
      answer.error_code = KafkaError::kKafkaStorageError;
      co_return;
    }
    if (!entry->has_value()) co_return;  // none: (-1, -1) and no error
    const EntryRef& found = **entry;
    co_await base::switch_to(lookup.call.context.connection_executor);
    const FoundRecord record = find_record(lookup, found, timestamp, largest);
    co_await base::switch_to(lookup.broker.home);
    if (!record.has_value()) {
      answer.error_code = error_of(record.error());
      co_return;
    }
    if (record->has_value()) {
      answer.offset = (*record)->offset;
      answer.timestamp = (*record)->timestamp;
      answer.leader_epoch = found.header.leader_epoch.value;
      co_return;
    }
    from = found.header.end();
    if (++lookup.passed % kBatchesPerTurn == 0) co_await base::yield(lookup.broker.home);
  }
}

base::Task<void> by_largest_timestamp(Lookup& lookup, StreamId stream, PartitionAnswer& answer) {
  const base::Result<base::Timestamp> largest = co_await lookup.broker.store.max_timestamp(stream);
  if (!largest.has_value()) {
    answer.error_code = KafkaError::kKafkaStorageError;
  } else if (*largest >= 0) {
    co_await by_timestamp(lookup, stream, *largest, true, answer);
  }
}

base::Task<void> look_up(Lookup& lookup, TopicRef topic, const PartitionAsked& asked,
                         PartitionAnswer& answer) {
  if (topic == nullptr || !topic->has_partition(asked.partition_index)) {
    answer.error_code = KafkaError::kUnknownTopicOrPartition;
    co_return;
  }
  if (lookup.call.version() < first_version_of(asked.timestamp)) {
    answer.error_code = KafkaError::kUnsupportedVersion;
    co_return;
  }
  const StreamId stream = topic->stream(asked.partition_index);
  const base::Result<StreamBounds> bounds = co_await lookup.broker.store.bounds(stream);
  if (!bounds.has_value()) {
    answer.error_code = KafkaError::kKafkaStorageError;
    co_return;
  }
  answer.error_code = check_leader_epoch(asked.current_leader_epoch, bounds->leader_epoch);
  if (answer.error_code != KafkaError::kNone) co_return;
  switch (asked.timestamp) {
    case kLatest:
      answer.offset = static_cast<int64_t>(bounds->durable_tail.value);
      answer.leader_epoch = bounds->leader_epoch.value;
      break;
    case kEarliest:
    case kEarliestLocal: answer.offset = static_cast<int64_t>(bounds->trim_point.value); break;
    case kLatestTiered:
    case kEarliestPendingUpload: break;  // there are no tiers: none, as in Kafka without them
    case kMaxTimestamp: co_await by_largest_timestamp(lookup, stream, answer); break;
    default: co_await by_timestamp(lookup, stream, asked.timestamp, false, answer);
  }
}

}  // namespace

base::Task<ListOffsetsResponse> list_offsets(Broker& broker, const Call& call,
                                             const ListOffsetsRequest& request) {
  ListOffsetsResponse response;
  Lookup lookup{broker, call};
  AnswerBudget turns;
  std::set<std::pair<std::string_view, int32_t>> seen;
  for (const auto& asked : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = asked.name;
    const TopicRef topic = broker.topics.find(asked.name);
    for (const PartitionAsked& partition : asked.partitions) {
      if (turns.turn_is_over()) co_await base::yield(broker.home);
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (!seen.emplace(asked.name, partition.partition_index).second) {
        answer.error_code = KafkaError::kInvalidRequest;  // asked twice (B34)
        continue;
      }
      co_await look_up(lookup, topic, partition, answer);
    }
  }
  co_return response;
}

}  // namespace thalweg::handlers
