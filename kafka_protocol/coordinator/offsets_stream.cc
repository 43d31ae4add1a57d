#include "kafka_protocol/coordinator/offsets_stream.h"

#include "kafka_protocol/records/batch_builder.h"
#include "kafka_protocol/records/record_iterator.h"
#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::coordinator {

namespace {
constexpr size_t kReplayBytesPerRead = 4 << 20;
constexpr int32_t kPartition = 0;
}  // namespace

base::Task<base::Result<topics::TopicRef>> OffsetsStream::topic() {
  if (topics::TopicRef found = topics_.find(topics::kOffsetsTopic)) co_return found;
  std::vector<topics::NewTopic> wanted;
  wanted.push_back({.name = std::string(topics::kOffsetsTopic),
                    .partitions = 1,
                    .configs = {{"cleanup.policy", "compact"}},
                    .internal = true});
  const auto faults = co_await topics_.create(std::move(wanted));
  topics::TopicRef created = topics_.find(topics::kOffsetsTopic);
  if (created == nullptr) co_return base::fail(base::ErrorCode::kNoSpace, faults.front().message);
  co_return created;
}

base::Task<base::Result<int64_t>> OffsetsStream::append(std::vector<KeyValueRecord> records) {
  const topics::TopicRef topic = CO_TRY(co_await this->topic());
  topics::Partition& partition = topic->partition(executor_, kPartition);
  CO_TRY(co_await partition.load(store_));
  records::BatchBuilder builder;
  base::Timestamp max_timestamp = -1;
  for (const KeyValueRecord& record : records) {
    const base::Timestamp at = record.timestamp >= 0 ? record.timestamp : clock_.wall_now();
    max_timestamp = std::max(max_timestamp, at);
    std::optional<base::ByteView> value;
    if (record.value.has_value()) value = *record.value;
    builder.add(at, record.key, value);
  }
  const std::vector<std::byte> batch = CO_TRY(std::move(builder).build());
  // Twice, since an idle stream may leave memory while it waits for log space.
  for (int i = 0; i == 0 || (i == 1 && !store_.is_open_for_append(partition.stream())); ++i) {
    CO_TRY(co_await store_.open_for_append({partition.stream()}));
    CO_TRY(co_await store_.admit(channel_of(partition.stream()), framed_entry_bytes(batch.size()),
                                 kNoTimeLimit));
  }
  const Appended appended = CO_TRY(store_.append({.stream = partition.stream(),
                                                  .payload = batch,
                                                  .count = static_cast<uint32_t>(records.size()),
                                                  .max_timestamp = max_timestamp,
                                                  .match_offset = std::nullopt,
                                                  .fencing_token = std::nullopt}));
  const auto stamped = records::BatchView::parse(appended.payload);
  CHECK(stamped.has_value());
  partition.apply(*stamped);
  CO_TRY(co_await store_.durable(appended.position));
  co_return static_cast<int64_t>(appended.base.value);
}

base::Status OffsetsStream::replay_batch(base::ByteView bytes, const ReplaySink& sink) {
  const records::BatchView batch = TRY(records::BatchView::parse(bytes));
  if (batch.control()) return {};
  records::RecordIterator iterator = TRY(records::RecordIterator::open(batch));
  records::Record record;
  while (TRY(iterator.next(record))) {
    if (!record.key.has_value()) continue;
    sink(*record.key, record.value, record.timestamp);
  }
  return {};
}

base::Task<base::Status> OffsetsStream::replay(ReplaySink sink) {
  const topics::TopicRef topic = topics_.find(topics::kOffsetsTopic);
  if (topic == nullptr) co_return base::Status{};
  const StreamId stream = topic->stream(kPartition);
  if (store_.stopped(channel_of(stream))) {
    co_return base::fail(base::ErrorCode::kFenced, "the log has stopped");
  }
  StreamBounds bounds = CO_TRY(co_await store_.bounds(stream));
  Offset at = bounds.trim_point;
  while (at < bounds.durable_tail) {
    const ReadResult read = CO_TRY(co_await store_.read(stream, at, kReplayBytesPerRead));
    for (const EntryRef& entry : read.entries) {
      const base::Status taken = replay_batch(entry.payload.bytes, sink);
      if (taken.has_value()) continue;
      base::log_error(
          "coordinator: the batch at offset " + std::to_string(entry.header.base.value) + " of " +
          std::string(topics::kOffsetsTopic) + " is passed over: " + taken.error().message);
    }
    at = read.entries.back().header.end();
    bounds = read.bounds;
  }
  co_return base::Status{};
}

base::Task<base::Status> OffsetsStream::trim(int64_t offset) {
  const topics::TopicRef topic = topics_.find(topics::kOffsetsTopic);
  if (topic == nullptr) co_return base::Status{};
  co_return co_await store_.trim(topic->stream(kPartition), Offset(static_cast<uint64_t>(offset)));
}

}  // namespace thalweg::coordinator
