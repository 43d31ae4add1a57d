#include "kafka_protocol/topics/topic_registry.h"

#include <algorithm>
#include <cinttypes>
#include <utility>

#include "streamcore/base/log.h"

namespace thalweg::topics {

using wire::KafkaError;

namespace {

constexpr size_t kTransactionBytesTarget = metadata::kTransactionBytesMax / 2;
constexpr size_t kRowsPerScan = 1000;
constexpr size_t kRetentionStepsPerTurn = 100;
constexpr std::chrono::milliseconds kRetentionIntervalMax = std::chrono::years(100);
constexpr base::Duration kRemovalRetryMin = std::chrono::milliseconds(100);
constexpr base::Duration kRemovalRetryMax = std::chrono::seconds(30);
constexpr base::Duration kUnknownRetry = std::chrono::seconds(1);

std::string folded(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '.', '_');
  return text;
}

std::string row_key(std::string_view name) {
  return std::string(kTopicRowPrefix) + std::string(name);
}

std::string deleting_key(const wire::Uuid& id, std::string_view name) {
  char text[40];
  std::snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64 "/", id.high, id.low);
  return std::string(kDeletingRowPrefix) + text + std::string(name);
}

TopicFault storage_fault(const base::Error& error) {
  return {KafkaError::kKafkaStorageError, error.message};
}

// `wanted` is a class, but none of these.
TopicFault no_such_class(std::string_view wanted, const std::vector<StorageClass>& there) {
  std::string names;
  for (const StorageClass one : there) {
    names += (names.empty() ? "" : ", ") + std::string(to_string(one));
  }
  return {KafkaError::kInvalidConfig, "Invalid value " + std::string(wanted) +
                                          " for configuration " + std::string(kStorageClassConfig) +
                                          ": this broker has logs of class: " + names};
}

TopicFault too_many_partitions() {
  return {KafkaError::kPolicyViolation,
          "This broker holds at most " + std::to_string(kPartitionsTotalMax) + " partitions."};
}

base::Task<base::Status> read_all(metadata::MetadataStore& metadata, std::string_view prefix,
                                  std::vector<metadata::KeyValue>& into) {
  std::string after;
  for (bool more = true; more;) {
    auto page = CO_TRY(co_await metadata.scan(std::string(prefix), after, kRowsPerScan));
    more = page.size() == kRowsPerScan;
    if (more) after = page.back().key;
    for (metadata::KeyValue& pair : page) into.push_back(std::move(pair));
  }
  co_return base::Status{};
}

}  // namespace

TopicRegistry::TopicRegistry(Parts parts, TopicDefaults defaults)
    : parts_(parts),
      defaults_(std::move(defaults)),
      default_settings_(std::make_shared<const TopicSettings>(defaults_.settings())),
      turn_(parts.executor, 1),
      tasks_(parts.executor) {}

// --- the image in memory ---

void TopicRegistry::adopt(std::string name, TopicRow row) {
  auto settings =
      row.configs.empty()
          ? default_settings_
          : std::make_shared<const TopicSettings>(parse_topic_settings(defaults_, row.configs));
  if (name.find_first_of("._") != std::string::npos) folded_names_.emplace(folded(name), name);
  const wire::Uuid id = row.id;
  auto topic = std::make_shared<Topic>(name, std::move(row), std::move(settings));
  partitions_total_ += static_cast<uint64_t>(topic->partition_count());
  by_id_[id] = topic.get();
  by_name_[std::move(name)] = std::move(topic);
}

void TopicRegistry::forget(const Topic& topic) {
  partitions_total_ -= static_cast<uint64_t>(topic.partition_count());
  by_id_.erase(topic.id());
  folded_names_.erase(folded(topic.name()));
  by_name_.erase(topic.name());
}

TopicRef TopicRegistry::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

TopicRef TopicRegistry::find(const wire::Uuid& id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : find(it->second->name());
}

std::vector<TopicRef> TopicRegistry::all() const {
  std::vector<TopicRef> topics;
  topics.reserve(by_name_.size());
  for (const auto& [name, topic] : by_name_) topics.push_back(topic);
  return topics;
}

base::Task<base::Status> TopicRegistry::read(base::Executor& executor,
                                             metadata::MetadataStore& metadata, TopicRows& rows) {
  return base::side_by_side(executor, read_all(metadata, kTopicRowPrefix, rows.topics),
                            read_all(metadata, kDeletingRowPrefix, rows.deletions));
}

base::Status TopicRegistry::adopt(const TopicRows& rows) {
  for (const metadata::KeyValue& pair : rows.topics) {
    adopt(pair.key.substr(kTopicRowPrefix.size()), TRY(decode_topic_row(pair.value)));
  }
  for (const metadata::KeyValue& pair : rows.deletions) {
    const size_t slash = std::min(pair.key.rfind('/'), pair.key.size() - 1);
    removals_.push_back({pair.key, pair.key.substr(slash + 1), TRY(decode_topic_row(pair.value))});
  }
  return base::Status{};
}

// --- create ---

TopicFault TopicRegistry::check_new(const NewTopic& topic) const {
  if (std::string fault = topic_name_fault(topic.name); !fault.empty()) {
    return {KafkaError::kInvalidTopicException, std::move(fault)};
  }
  if (!topic.internal && internal_topic(topic.name)) {
    return {KafkaError::kInvalidTopicException,
            "Topic '" + topic.name + "' is internal: the broker creates it when it needs it."};
  }
  if (find(topic.name) != nullptr) {
    return {KafkaError::kTopicAlreadyExists, "Topic '" + topic.name + "' already exists."};
  }
  if (topic.name.find_first_of("._") != std::string::npos) {
    const auto it = folded_names_.find(folded(topic.name));
    if (it != folded_names_.end()) {
      return {KafkaError::kInvalidTopicException,
              "Topic '" + topic.name + "' collides with existing topic: " + it->second};
    }
  }
  if (topic.partitions < 1 || topic.partitions > kPartitionsMax) {
    return {KafkaError::kInvalidPartitions, "Number of partitions must be between 1 and " +
                                                std::to_string(kPartitionsMax) + ", was " +
                                                std::to_string(topic.partitions)};
  }
  for (const auto& [name, value] : topic.configs) {
    const base::Status fits = check_topic_config(name, value);
    if (!fits.has_value()) return {KafkaError::kInvalidConfig, fits.error().message};
  }
  const std::vector<StorageClass>& there = parts_.store.storage_classes();
  const StorageClass wanted = class_of(topic);
  if (std::ranges::find(there, wanted) == there.end()) {
    return no_such_class(to_string(wanted), there);
  }
  return {};
}

// The configs fit.
StorageClass TopicRegistry::class_of(const NewTopic& topic) const {
  return parse_topic_settings(defaults_, topic.configs).storage_class;
}

// What is legal for each alone may not be for all of them.
void TopicRegistry::check_together(const std::vector<NewTopic>& topics,
                                   std::vector<TopicFault>& faults) const {
  std::unordered_map<std::string, std::string_view> seen;
  uint64_t partitions = partitions_total_;
  for (size_t i = 0; i < topics.size(); ++i) {
    if (!faults[i].ok()) continue;
    const NewTopic& topic = topics[i];
    const auto [other, first] = seen.emplace(folded(topic.name), topic.name);
    const auto count = static_cast<uint64_t>(topic.partitions);
    if (!first) {
      faults[i] = {KafkaError::kInvalidTopicException,
                   "Topic '" + topic.name + "' collides with another one of this request: " +
                       std::string(other->second)};
    } else if (partitions + count > kPartitionsTotalMax) {
      faults[i] = too_many_partitions();
    } else {
      partitions += count;
    }
  }
}

wire::Uuid TopicRegistry::new_id() {
  wire::Uuid id;
  do {
    id.high = parts_.random.next();
    id.low = parts_.random.next();
  } while (id.high == 0 || by_id_.contains(id));
  return id;
}

base::Task<std::vector<TopicFault>> TopicRegistry::create(std::vector<NewTopic> topics) {
  std::vector<TopicFault> faults;
  for (const NewTopic& topic : topics) faults.push_back(check_new(topic));
  co_await open_classes(topics, faults);
  co_await turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{turn_};
  for (size_t i = 0; i < topics.size(); ++i) {
    if (faults[i].ok()) faults[i] = check_new(topics[i]);
  }
  check_together(topics, faults);
  const base::Status committed = co_await commit_new(topics, faults);
  if (!committed.has_value()) {
    for (size_t i = 0; i < topics.size(); ++i) {
      if (faults[i].ok() && find(topics[i].name) == nullptr) {
        faults[i] = storage_fault(committed.error());
      }
    }
  }
  co_return faults;
}

// The first topic of a class opens its log. Outside the turn of changes: a store that does not
// answer holds up topics of its own class alone.
base::Task<void> TopicRegistry::open_classes(const std::vector<NewTopic>& topics,
                                             std::vector<TopicFault>& faults) {
  std::map<StorageClass, base::Status> opened;
  for (size_t i = 0; i < topics.size(); ++i) {
    if (!faults[i].ok()) continue;
    const StorageClass wanted = class_of(topics[i]);
    if (!opened.contains(wanted)) {
      base::Status status = co_await parts_.store.open_class(wanted);
      opened.emplace(wanted, std::move(status));
    }
    const base::Status& outcome = opened.at(wanted);
    if (!outcome.has_value()) faults[i] = storage_fault(outcome.error());
  }
}

base::Task<TopicRegistry::FirstStreams> TopicRegistry::allocate(const std::vector<NewTopic>& topics,
                                                                std::vector<TopicFault>& faults) {
  std::map<StorageClass, uint64_t> counts;
  for (size_t i = 0; i < topics.size(); ++i) {
    if (faults[i].ok()) counts[class_of(topics[i])] += static_cast<uint64_t>(topics[i].partitions);
  }
  FirstStreams first;
  for (const auto& [storage_class, count] : counts) {
    const base::Result<StreamId> ids = co_await parts_.store.allocate_streams(count, storage_class);
    if (ids.has_value()) first.emplace(storage_class, *ids);
    for (size_t i = 0; i < topics.size() && !ids.has_value(); ++i) {
      const bool concerned = faults[i].ok() && class_of(topics[i]) == storage_class;
      if (concerned) faults[i] = storage_fault(ids.error());
    }
  }
  co_return first;
}

base::Task<base::Status> TopicRegistry::commit_new(std::vector<NewTopic>& topics,
                                                   std::vector<TopicFault>& faults) {
  FirstStreams next = co_await allocate(topics, faults);
  if (next.empty()) co_return base::Status{};
  for (size_t i = 0; i < topics.size();) {
    metadata::Transaction transaction;
    std::vector<std::pair<std::string, TopicRow>> rows;
    size_t bytes = 0;
    for (; i < topics.size() && bytes < kTransactionBytesTarget; ++i) {
      if (!faults[i].ok()) continue;
      NewTopic& topic = topics[i];
      std::sort(topic.configs.begin(), topic.configs.end());
      StreamId& stream = next.at(class_of(topic));
      TopicRow row{.id = new_id(),
                   .runs = {{static_cast<uint32_t>(topic.partitions), stream}},
                   .configs = topic.configs};
      stream += static_cast<uint64_t>(topic.partitions);
      std::string encoded = encode_topic_row(row);
      bytes += encoded.size() + 2 * topic.name.size() + 64;
      transaction.require(row_key(topic.name), std::nullopt)
          .set(row_key(topic.name), std::move(encoded));
      rows.emplace_back(topic.name, std::move(row));
    }
    CO_TRY(co_await parts_.metadata.commit(std::move(transaction)));
    for (auto& [name, row] : rows) adopt(std::move(name), std::move(row));
  }
  co_return base::Status{};
}

base::Task<TopicFault> TopicRegistry::grow(TopicRef topic, int32_t count) {
  co_await turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{turn_};
  if (topic->deleted()) {
    co_return TopicFault{KafkaError::kUnknownTopicOrPartition, "The topic was deleted."};
  }
  const int32_t now = topic->partition_count();
  if (count <= now || count > kPartitionsMax) {
    co_return TopicFault{KafkaError::kInvalidPartitions,
                         "The topic " + topic->name() + " currently has " + std::to_string(now) +
                             " partition(s); " + std::to_string(count) +
                             " would not be an increase."};
  }
  const auto added = static_cast<uint32_t>(count - now);
  if (partitions_total_ + added > kPartitionsTotalMax) co_return too_many_partitions();
  const base::Result<StreamId> stream = co_await parts_.store.allocate_streams(
      added, parts_.store.class_of(channel_of(topic->stream(0))));
  if (!stream.has_value()) co_return storage_fault(stream.error());
  TopicRow row = topic->row();
  row.runs.push_back({added, *stream});
  metadata::Transaction transaction;
  transaction.require(row_key(topic->name()), encode_topic_row(topic->row()))
      .set(row_key(topic->name()), encode_topic_row(row));
  const base::Status committed = co_await parts_.metadata.commit(std::move(transaction));
  if (!committed.has_value()) co_return storage_fault(committed.error());
  topic->set_row(std::move(row));
  partitions_total_ += added;
  co_return TopicFault{};
}

// --- delete ---

base::Task<TopicFault> TopicRegistry::remove(TopicRef topic) {
  TopicFault fault = co_await begin_removal(topic);
  if (!fault.ok()) co_return fault;
  // Others may have their turn: what the listener waits for may itself need a new topic.
  co_await finish_removal({deleting_key(topic->id(), topic->name()), topic->name(), topic->row()});
  co_return TopicFault{};
}

base::Task<TopicFault> TopicRegistry::begin_removal(TopicRef topic) {
  co_await turn_.acquire(1);
  struct Release {
    base::Semaphore& turn;
    ~Release() { turn.release(1); }
  } release{turn_};
  if (topic->internal()) {
    co_return TopicFault{KafkaError::kInvalidTopicException,
                         "Topic '" + topic->name() + "' is internal and cannot be deleted."};
  }
  if (topic->deleted()) {
    co_return TopicFault{KafkaError::kUnknownTopicOrPartition, "The topic was deleted."};
  }
  const std::string row = encode_topic_row(topic->row());
  metadata::Transaction transaction;
  transaction.require(row_key(topic->name()), row)
      .erase(row_key(topic->name()))
      .set(deleting_key(topic->id(), topic->name()), row);
  topic->mark_deleted();  // no append from here on: its streams' rows must not come back
  const base::Status committed = co_await commit_removal(topic, std::move(transaction));
  if (!committed.has_value()) co_return storage_fault(committed.error());
  forget(*topic);
  co_return TopicFault{};
}

// A commit that did nothing leaves the topic as it was. One whose outcome is unknown is sent again:
// the topic must be there for everybody or for nobody.
base::Task<base::Status> TopicRegistry::commit_removal(TopicRef topic,
                                                       metadata::Transaction transaction) {
  bool unknown = false;
  for (;;) {
    const base::Status committed = co_await parts_.metadata.commit(transaction);
    if (committed.has_value()) co_return committed;
    if (committed.error().code != base::ErrorCode::kUnknownOutcome) {
      if (unknown && committed.error().code == base::ErrorCode::kConditionFailed) {
        const auto row = co_await parts_.metadata.get(deleting_key(topic->id(), topic->name()));
        if (row.has_value() && row->has_value()) co_return base::Status{};
      }
      if (!unknown) topic->unmark_deleted();
      co_return committed;
    }
    unknown = true;
    if (!co_await tasks_.sleep_for(kUnknownRetry)) co_return committed;
  }
}

base::Task<void> TopicRegistry::finish_removals() {
  for (Removal& removal : std::exchange(removals_, {})) {
    // Before anybody can use the name again; the streams need not hold up the start.
    if (removed_listener_) (void)co_await removed_listener_(removal.name, removal.row.id);
    tasks_.spawn(finish_removal(std::move(removal)));
  }
}

// Now, or in the background if it cannot be done now.
base::Task<void> TopicRegistry::finish_removal(Removal removal) {
  const base::Status done = co_await try_finish_removal(removal);
  if (done.has_value()) co_return;
  base::log_warn("topic " + removal.name +
                 ": deleted; what belonged to it goes later: " + done.error().message);
  tasks_.spawn(retry_removal(std::move(removal)));
}

base::Task<void> TopicRegistry::retry_removal(Removal removal) {
  for (auto delay = kRemovalRetryMin; co_await tasks_.sleep_for(delay);
       delay = std::min(2 * delay, kRemovalRetryMax)) {
    const base::Status done = co_await try_finish_removal(removal);
    if (done.has_value()) co_return;
  }
}

base::Task<base::Status> TopicRegistry::try_finish_removal(const Removal& removal) {
  if (removed_listener_) CO_TRY(co_await removed_listener_(removal.name, removal.row.id));
  std::vector<StreamId> streams;
  for (const StreamRun& run : removal.row.runs) {
    for (uint32_t i = 0; i < run.partitions; ++i) streams.push_back(run.first_stream + i);
  }
  CO_TRY(co_await parts_.store.remove(std::move(streams)));
  metadata::Transaction transaction;
  transaction.erase(removal.key);
  co_return co_await parts_.metadata.commit(std::move(transaction));
}

// --- retention ---

void TopicRegistry::start_retention(std::chrono::milliseconds interval) {
  tasks_.spawn(retention_loop(std::min(interval, kRetentionIntervalMax)));
}

base::Task<void> TopicRegistry::retention_loop(base::Duration interval) {
  while (co_await tasks_.sleep_for(interval)) {
    for (const TopicRef& topic : all()) {
      if (tasks_.stopping()) co_return;
      co_await retain(topic);
    }
  }
}

base::Task<void> TopicRegistry::retain(TopicRef topic) {
  const TopicSettings& settings = topic->settings();
  // compact alone is exempt from time and size (Kafka's LogConfig.delete).
  if (!settings.cleanup_delete) co_return;
  if (settings.retention_ms < 0 && settings.retention_bytes < 0) co_return;
  RetentionPolicy policy;
  if (settings.retention_ms >= 0) policy.max_age_ms = settings.retention_ms;
  if (settings.retention_bytes >= 0) {
    policy.max_bytes = static_cast<uint64_t>(settings.retention_bytes);
  }
  const std::vector<StreamRun> runs = topic->row().runs;
  for (const StreamRun& run : runs) {
    const base::Status retained = co_await retain_run(topic, run, policy);
    if (!retained.has_value()) {
      base::log_warn("retention of " + topic->name() + ": " + retained.error().message);
    }
  }
}

base::Task<base::Status> TopicRegistry::retain_run(TopicRef topic, StreamRun run,
                                                   RetentionPolicy policy) {
  base::Status result;
  const StreamId end = run.first_stream + run.partitions;
  for (StreamId from = run.first_stream; from < end;) {
    const std::vector<StreamId> written =
        CO_TRY(co_await parts_.store.written_streams(from, end, kRetentionStepsPerTurn));
    // A look at a run is a step too: most topics of a large cluster are not written to.
    for (size_t i = 0; i <= written.size(); ++i) {
      if (++retention_steps_ % kRetentionStepsPerTurn == 0) co_await base::yield(parts_.executor);
      if (topic->deleted() || tasks_.stopping()) co_return result;
      if (i == written.size()) break;
      const auto trimmed = co_await parts_.store.retain(written[i], policy);
      if (!trimmed.has_value()) result = std::unexpected(trimmed.error());
    }
    if (written.size() < kRetentionStepsPerTurn) break;
    from = written.back() + 1;
  }
  co_return result;
}

}  // namespace thalweg::topics
