#include "kafka_protocol/handlers/produce.h"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <iterator>
#include <list>
#include <memory>
#include <set>
#include <span>

#include "kafka_protocol/handlers/max_timestamps.h"
#include "kafka_protocol/records/batch_view.h"
#include "kafka_protocol/records/record_iterator.h"
#include "streamcore/base/check.h"

namespace thalweg::handlers {

using topics::Partition;
using topics::TopicRef;
using wire::KafkaError;
using wire::ProduceRequest;
using wire::ProduceResponse;
using PartitionAnswer = ProduceResponse::Topic::Partition;

namespace {

// Most requests carry a batch or two: these are kept in the request's frame.
template <class T>
using Few = boost::container::small_vector<T, 2>;

// Most records of a refused batch whose faults are listed.
constexpr size_t kRecordErrorsMax = 1000;

// A batch on its way into the log.
struct Target {
  topics::Topic* topic;
  Partition* partition;
  base::ByteView records;
  PartitionAnswer* answer;
};

void refuse(PartitionAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.base_offset = -1;
  answer.error_message = std::move(message);
}

// Retriable ones make every client send the same sequence again; the rest tell the operator what to
// do.
KafkaError error_of(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kNotFound: return KafkaError::kUnknownTopicOrPartition;
    case base::ErrorCode::kTooLarge: return KafkaError::kMessageTooLarge;
    case base::ErrorCode::kFenced:
    case base::ErrorCode::kClosed:
    case base::ErrorCode::kUnknownOutcome: return KafkaError::kNotLeaderOrFollower;
    case base::ErrorCode::kUnavailable: return KafkaError::kRequestTimedOut;
    default: return KafkaError::kKafkaStorageError;
  }
}

TopicRef find_topic(Broker& broker, const Call& call, const ProduceRequest::Topic& topic) {
  return call.version() >= 13 ? broker.topics.find(topic.topic_id) : broker.topics.find(topic.name);
}

// The response, and what keeps the topic names it points to: the request's frame is gone in
// phase 2.
struct KeptResponse {
  ProduceResponse response;
  Few<TopicRef> topics;
  std::list<std::string> unknown_names;
};

// Fills the skeleton of the response and lists what can be appended.
Few<Target> resolve(Broker& broker, const Call& call, const ProduceRequest& request,
                    KeptResponse& kept) {
  ProduceResponse& response = kept.response;
  Few<Target> targets;
  response.responses.resize(request.topic_data.size());
  for (size_t t = 0; t < request.topic_data.size(); ++t) {
    const ProduceRequest::Topic& asked = request.topic_data[t];
    ProduceResponse::Topic& answered = response.responses[t];
    const TopicRef topic = find_topic(broker, call, asked);
    if (topic != nullptr) {
      answered.name = kept.topics.emplace_back(topic)->name();
    } else {
      answered.name = kept.unknown_names.emplace_back(asked.name);
    }
    answered.topic_id = asked.topic_id;
    answered.partition_responses.resize(asked.partition_data.size());
    for (size_t p = 0; p < asked.partition_data.size(); ++p) {
      const auto& partition = asked.partition_data[p];
      PartitionAnswer& answer = answered.partition_responses[p];
      answer.index = partition.index;
      if (topic == nullptr && call.version() >= 13) {
        refuse(answer, KafkaError::kUnknownTopicId, "This server does not host this topic ID.");
      } else if (topic == nullptr || !topic->has_partition(partition.index)) {
        refuse(answer, KafkaError::kUnknownTopicOrPartition,
               "This server does not host this topic-partition.");
      } else if (topic->internal()) {
        refuse(answer, KafkaError::kInvalidTopicException, "Internal topics cannot be written to.");
      } else if (!partition.records.has_value()) {
        refuse(answer, KafkaError::kInvalidRecord, "No records.");
      } else {
        Partition& state = topic->partition(broker.home, partition.index);
        targets.push_back({topic.get(), &state, *partition.records, &answer});
      }
    }
  }
  return targets;
}

void refuse_all(ProduceResponse& response, KafkaError error, const std::string& message) {
  for (auto& topic : response.responses) {
    for (PartitionAnswer& answer : topic.partition_responses) refuse(answer, error, message);
  }
}

// Calls for every answer of a partition there is, with its channel. For the answers of failures.
template <class Call>
void for_each_channel(KeptResponse& kept, Call&& call) {
  for (auto& answered : kept.response.responses) {
    const auto topic = std::ranges::find_if(
        kept.topics, [&](const TopicRef& ref) { return ref->name() == answered.name; });
    if (topic == kept.topics.end()) continue;
    for (PartitionAnswer& answer : answered.partition_responses) {
      if (!(*topic)->has_partition(answer.index)) continue;
      call(channel_of((*topic)->stream(answer.index)), answer);
    }
  }
}

void refuse_channel(KeptResponse& kept, ChannelId channel, const base::Error& error) {
  for_each_channel(kept, [&](ChannelId on, PartitionAnswer& answer) {
    if (on == channel) refuse(answer, error_of(error), error.message);
  });
}

// Who leads the partitions that are refused for want of a leader (KIP-951).
void hint_leader(const Broker& broker, const server::RequestContext& context, KeptResponse& kept) {
  if (context.api_version < 10) return;
  const int32_t self = broker.settings.node_id;
  for_each_channel(kept, [&](ChannelId channel, PartitionAnswer& answer) {
    if (answer.error_code != KafkaError::kNotLeaderOrFollower) return;
    answer.current_leader = {.leader_id = self,
                             .leader_epoch = broker.store.channel_leader_epoch(channel).value};
  });
  if (!kept.response.node_endpoints.empty()) return;
  const server::Endpoint& advertised = context.connection.advertised;
  kept.response.node_endpoints.push_back(
      {.node_id = self, .host = advertised.host, .port = advertised.port, .rack = std::nullopt});
}

// What a request appends to one channel.
struct Share {
  ChannelId channel;
  uint64_t bytes;
};

Few<Share> shares_of(std::span<const Target> targets) {
  Few<Share> shares;
  for (const Target& target : targets) {
    const ChannelId channel = channel_of(target.partition->stream());
    const uint64_t bytes = framed_entry_bytes(target.records.size());
    const auto share = std::ranges::find(shares, channel, &Share::channel);
    if (share != shares.end()) {
      share->bytes += bytes;
    } else {
      shares.push_back({channel, bytes});
    }
  }
  return shares;
}

bool is_on(const Target& target, ChannelId channel) {
  return channel_of(target.partition->stream()) == channel;
}

bool all_open(const Broker& broker, std::span<const Target> targets) {
  return std::all_of(targets.begin(), targets.end(), [&](const Target& target) {
    return target.partition->loaded() &&
           broker.store.is_open_for_append(target.partition->stream());
  });
}

// True if make_ready() would find nothing to do.
bool is_ready(const Broker& broker, std::span<const Target> targets,
              std::span<const Share> shares) {
  return all_open(broker, targets) && std::ranges::all_of(shares, [&](const Share& share) {
           return broker.store.admits(share.channel, share.bytes);
         });
}

bool have_room(const Broker& broker, std::span<const Share> shares) {
  return std::ranges::all_of(shares, [&](const Share& share) {
    return broker.store.has_room(share.channel, share.bytes);
  });
}

// A client waits as long as it says, then closes the connection: it hears of a log that stands
// still before that.
base::Duration time_max(const ProduceRequest& request) {
  const base::Duration said = std::chrono::milliseconds(std::max(request.timeout_ms, 1));
  return said - said / 5;
}

using Outcome = std::shared_ptr<base::OneShot<base::Status>>;

base::Task<void> open_and_tell(Broker& broker, std::vector<StreamId> streams, Outcome outcome) {
  outcome->set(co_await broker.store.open_for_append(std::move(streams)));
}

// A stream's first append writes its row, and metadata may be away for longer than a client waits.
base::Task<base::Status> open_in_time(Broker& broker, std::vector<StreamId> streams,
                                      base::Duration time_max) {
  const auto outcome = std::make_shared<base::OneShot<base::Status>>(broker.home);
  broker.tasks.spawn(open_and_tell(broker, std::move(streams), outcome));
  const base::TimerId timer = broker.home.run_after(time_max, [outcome] {
    outcome->set(base::fail(base::ErrorCode::kUnavailable, "metadata did not answer in time"));
  });
  co_await outcome->wait();
  broker.home.cancel(timer);
  co_return outcome->value();
}

bool used_before(const Partition* partition) { return partition != nullptr && partition->loaded(); }

// The streams that must be opened for the targets, and with a partition that this process uses for
// the first time those of its topic that may be next: clients write to all partitions of a topic,
// some in a request for each, and opening one may take a look at a bucket and a write to it.
std::vector<StreamId> streams_to_open(const Broker& broker, std::span<const Target> targets) {
  std::set<StreamId> closed;
  const topics::Topic* listed = nullptr;
  for (const Target& target : targets) {
    if (broker.store.is_open_for_append(target.partition->stream())) continue;
    closed.insert(target.partition->stream());
    if (used_before(target.partition) || target.topic == listed) continue;
    listed = target.topic;
    const int32_t count = listed->partition_count();
    for (int32_t i = 1; i < std::min(count, broker.settings.partitions_opened_together); ++i) {
      const int32_t index = (target.answer->index + i) % count;
      const StreamId stream = listed->stream(index);
      if (used_before(listed->partition_if_used(index))) continue;
      if (!broker.store.is_open_for_append(stream)) closed.insert(stream);
    }
  }
  return {closed.begin(), closed.end()};
}

// Everything that may suspend comes before the first append: rows, producer states, log space.
base::Task<base::Status> make_ready_once(Broker& broker, std::span<const Target> targets,
                                         uint64_t bytes, base::Duration time_max) {
  const ChannelId channel = channel_of(targets.front().partition->stream());
  std::vector<StreamId> closed = streams_to_open(broker, targets);
  if (!closed.empty()) CO_TRY(co_await open_in_time(broker, std::move(closed), time_max));
  for (const Target& target : targets) {
    if (!target.partition->loaded()) CO_TRY(co_await target.partition->load(broker.store));
  }
  if (broker.store.admits(channel, bytes)) co_return base::Status{};
  co_return co_await broker.store.admit(channel, bytes, time_max);
}

// For the targets of one channel. An idle stream may leave memory while its producer waits for log
// space; then once more. A deleted one never comes back, and its append says so.
base::Task<base::Status> make_ready(Broker& broker, std::span<const Target> targets, uint64_t bytes,
                                    base::Duration time_max) {
  CO_TRY(co_await make_ready_once(broker, targets, bytes, time_max));
  if (all_open(broker, targets)) co_return base::Status{};
  co_return co_await make_ready_once(broker, targets, bytes, time_max);
}

void refuse_targets(Few<Target>& targets, ChannelId channel, const base::Error& error) {
  for (const Target& target : targets) {
    if (is_on(target, channel)) refuse(*target.answer, error_of(error), error.message);
  }
  targets.erase(std::remove_if(targets.begin(), targets.end(),
                               [&](const Target& target) { return is_on(target, channel); }),
                targets.end());
}

// Channels that room is waited for in turn: what one had may be gone once another has some.
constexpr int kReadyRoundsMax = 3;

// One channel after the other; the targets of those that take nothing are refused.
base::Task<void> make_all_ready(Broker& broker, Few<Target>& targets, base::Duration time_max) {
  const base::TimePoint end = broker.home.now() + time_max;
  Few<Share> shares = shares_of(targets);
  for (int round = 0; round < kReadyRoundsMax; ++round) {
    for (const Share& share : shares) {
      Few<Target> some;
      std::ranges::copy_if(targets, std::back_inserter(some),
                           [&](const Target& target) { return is_on(target, share.channel); });
      const base::Duration left = std::max(end - broker.home.now(), base::Duration(1));
      const base::Status ready = co_await make_ready(broker, some, share.bytes, left);
      if (!ready.has_value()) refuse_targets(targets, share.channel, ready.error());
    }
    shares = shares_of(targets);
    if (shares.size() < 2 || (all_open(broker, targets) && have_room(broker, shares))) co_return;
  }
  for (const Share& share : shares) {
    if (broker.store.has_room(share.channel, share.bytes)) continue;
    refuse_targets(targets, share.channel,
                   {base::ErrorCode::kUnavailable, "the logs had no room at the same time"});
  }
}

records::BatchLimits limits_for(const topics::TopicSettings& settings, const Call& call,
                                base::Timestamp now) {
  return {.batch_bytes_max = static_cast<size_t>(settings.max_message_bytes),
          .now = now,
          .timestamp_before_max_ms = settings.timestamp_before_max_ms,
          .timestamp_after_max_ms = settings.timestamp_after_max_ms,
          .log_append_time = settings.log_append_time,
          .zstd_allowed = call.version() >= 7};
}

// Without transactions a transactional batch is refused as InitProducerId refuses its producer:
// INVALID_TXN_STATE would only make the client abort and begin again.
KafkaError error_of(records::BatchFault fault) {
  return fault == records::BatchFault::kInvalidTxnState
             ? KafkaError::kTransactionalIdAuthorizationFailed
             : static_cast<KafkaError>(fault);
}

bool compacts(const Target& target) { return target.topic->settings().cleanup_compact; }

// A compacted topic takes no record without a key (B21). What is wrong with the batch otherwise is
// found when it is appended.
void check_keys(const Target& target, records::UncompressedBudget& budget) {
  const auto batch = records::BatchView::parse(target.records);
  if (!batch.has_value() || !batch->crc_matches()) return;
  const auto keyless = records::null_key_indexes(*batch, kRecordErrorsMax, budget);
  if (!keyless.has_value()) {
    return refuse(*target.answer, KafkaError::kInvalidRecord, keyless.error().message);
  }
  if (keyless->empty()) return;
  const std::string fault = "Compacted topic cannot accept message without key.";
  refuse(*target.answer, KafkaError::kInvalidRecord, fault);
  for (const int32_t index : *keyless) target.answer->record_errors.push_back({index, fault});
}

// Records are decompressed on the connection's core, where they are in nobody's way.
base::Task<void> check_compacted(Broker& broker, const Call& call, Few<Target>& targets) {
  std::vector<const Target*> compacted;
  for (const Target& target : targets) {
    if (compacts(target)) compacted.push_back(&target);
  }
  base::Executor& connection = call.context.connection_executor;
  co_await base::switch_to(connection);
  records::UncompressedBudget budget;
  for (const Target* target : compacted) {
    check_keys(*target, budget);
    co_await base::yield(connection);
  }
  co_await base::switch_to(broker.home);
  const auto refused = std::remove_if(targets.begin(), targets.end(), [](const Target& target) {
    return target.answer->error_code != KafkaError::kNone;
  });
  targets.erase(refused, targets.end());
}

// The sequence check's refusals and repeats. They are answered, as everything else, once the whole
// log so far is durable, since they reveal what is in it (P12).
bool check_producer(const Target& target, const records::BatchView& batch) {
  using Verdict = topics::Admission::Verdict;
  const topics::Admission admission = target.partition->producers().check(batch);
  switch (admission.verdict) {
    case Verdict::kAppend: return true;
    case Verdict::kDuplicate:
      target.answer->base_offset = admission.base_offset;
      target.answer->log_append_time_ms = admission.timestamp;  // as UnifiedLog.append
      break;
    case Verdict::kOutOfOrder:
      refuse(*target.answer, KafkaError::kOutOfOrderSequenceNumber,
             "Out of order sequence number for producer " + std::to_string(batch.producer_id()) +
                 ": " + std::to_string(batch.base_sequence()));
      break;
    case Verdict::kOldEpoch:
      refuse(*target.answer, KafkaError::kInvalidProducerEpoch,
             "Epoch of producer " + std::to_string(batch.producer_id()) + " is older than " +
                 "the last one seen.");
      break;
  }
  return false;
}

void append_one(Broker& broker, const Call& call, const Target& target) {
  PartitionAnswer& answer = *target.answer;
  if (target.topic->deleted()) {
    return refuse(answer, KafkaError::kUnknownTopicOrPartition, "The topic was deleted.");
  }
  const topics::TopicSettings& settings = target.topic->settings();
  const base::Timestamp now = broker.clock.wall_now();
  const auto batch =
      records::validate_produce_batch(target.records, limits_for(settings, call, now));
  if (!batch.has_value()) {
    return refuse(answer, error_of(batch.error().fault), batch.error().message);
  }
  if (!check_producer(target, *batch)) return;
  base::ByteView payload = target.records;
  // Log append time changes bytes under the CRC: the one case with a second copy.
  std::vector<std::byte> restamped;
  base::Timestamp max_timestamp = batch->max_timestamp();
  if (settings.log_append_time) {
    restamped.assign(payload.begin(), payload.end());
    records::stamp_log_append_time(restamped, now);
    payload = restamped;
    max_timestamp = now;
    answer.log_append_time_ms = now;
  }
  const base::Result<Appended> appended =
      broker.store.append({.stream = target.partition->stream(),
                           .payload = payload,
                           .count = static_cast<uint32_t>(batch->record_count()),
                           .max_timestamp = max_timestamp,
                           .match_offset = std::nullopt,
                           .fencing_token = std::nullopt});
  if (!appended.has_value()) {
    return refuse(answer, error_of(appended.error()), appended.error().message);
  }
  answer.base_offset = static_cast<int64_t>(appended->base.value);
  const auto stamped = records::BatchView::parse(appended->payload);
  CHECK(stamped.has_value());
  target.partition->apply(*stamped);
}

void fill_log_starts(Broker& broker, std::span<const Target> targets) {
  for (const Target& target : targets) {
    const auto bounds = broker.store.known_bounds(target.partition->stream());
    if (!bounds.has_value() || target.answer->error_code != KafkaError::kNone) continue;
    target.answer->log_start_offset = static_cast<int64_t>(bounds->trim_point.value);
  }
}

bool any_refused(const ProduceResponse& response) {
  for (const auto& topic : response.responses) {
    for (const PartitionAnswer& answer : topic.partition_responses) {
      if (answer.error_code != KafkaError::kNone) return true;
    }
  }
  return false;
}

// acks=0 has no answer; an error can only be told by closing (B5).
server::Response answer_now(const server::RequestContext& context, int16_t acks,
                            ProduceResponse response) {
  if (acks != 0) return respond(context, std::move(response));
  return any_refused(response) ? server::Response::close() : server::Response::none();
}

// Where the log of each channel ends that the request touches.
Few<LogPosition> ends_of(const Broker& broker, std::span<const Target> targets) {
  Few<LogPosition> ends;
  for (const Share& share : shares_of(targets)) {
    ends.push_back(broker.store.last_position(share.channel));
  }
  return ends;
}

// Phase 2: the answer may be told once everything up to `ends` is durable, or is not in time. It
// begins on the home core, right where phase 1 appended, and goes back to the connection's core
// once.
base::StartedTask<server::Response> finish(Broker& broker, server::RequestContext context,
                                           KeptResponse kept, Few<LogPosition> ends,
                                           base::Duration time_max) {
  bool failed = false;
  const base::TimePoint begun = ends.size() > 1 ? broker.home.now() : base::TimePoint();
  for (size_t i = 0; i < ends.size(); ++i) {
    const base::Duration waited = i > 0 ? broker.home.now() - begun : base::Duration(0);
    base::Status durable = co_await broker.store.until_durable(
        ends[i], std::max(time_max - waited, base::Duration(1)));
    // A refusal may come from what another owner has changed meanwhile.
    if (durable.has_value() && !broker.store.is_owner()) {
      durable = co_await broker.store.prove_ownership();
    }
    if (!durable.has_value()) refuse_channel(kept, ends[i].channel, durable.error());
    failed = failed || !durable.has_value();
  }
  if (failed) hint_leader(broker, context, kept);
  co_await base::switch_to(context.connection_executor);
  co_return respond(context, std::move(kept.response));
}

}  // namespace

base::Task<server::PendingResponse> serve_produce(Broker& broker, server::RequestContext context,
                                                  base::ByteView body) {
  auto request = wire::decode<ProduceRequest>(body, context.api_version);
  if (!request.has_value()) co_return refuse(context, request.error());
  const Call call{context};
  std::list<wire::Bytes> corrected;
  if (has_wrong_timestamps(*request)) {
    co_await correct_timestamps(context.connection_executor, *request, corrected);
  }
  co_await base::switch_to(broker.home);
  KeptResponse kept;
  ProduceResponse& response = kept.response;
  Few<Target> targets = resolve(broker, call, *request, kept);
  if (request->acks < -1 || request->acks > 1) {
    refuse_all(response, KafkaError::kInvalidRequiredAcks, "acks must be -1, 0 or 1");
    targets.clear();
  }
  if (std::any_of(targets.begin(), targets.end(), compacts)) {
    co_await check_compacted(broker, call, targets);
  }
  if (!is_ready(broker, targets, shares_of(targets))) {
    const size_t asked = targets.size();
    co_await make_all_ready(broker, targets, time_max(*request));
    if (targets.size() < asked) hint_leader(broker, context, kept);
  }
  for (const Target& target : targets) append_one(broker, call, target);
  fill_log_starts(broker, targets);
  if (targets.empty() || request->acks == 0) {
    co_await base::switch_to(context.connection_executor);
    co_return answer_now(context, request->acks, std::move(response));
  }
  co_return finish(broker, context, std::move(kept), ends_of(broker, targets), time_max(*request));
}

}  // namespace thalweg::handlers
