// TopicRegistry: every topic, and the transactions that create, grow and delete them. Lives on the
// home core; rows in metadata are the truth, this is their image in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kafka_protocol/topics/topic.h"
#include "kafka_protocol/wire/error_code.h"
#include "streamcore/base/random.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::topics {

// Partitions of one topic; Kafka has no limit of its own, a request's size has.
inline constexpr int32_t kPartitionsMax = 100'000;
// Partitions of all topics: the metadata of all of them is one answer.
inline constexpr uint64_t kPartitionsTotalMax = 1'000'000;

struct NewTopic {
  std::string name;
  int32_t partitions = 1;
  ConfigEntries configs = {};
  bool internal = false;  // the broker's own; clients may not create topics of such a name
};

struct TopicFault {
  wire::KafkaError error = wire::KafkaError::kNone;
  std::string message;
  bool ok() const { return error == wire::KafkaError::kNone; }
};

// Topics are shared: a request in flight may hold one that is deleted meanwhile.
using TopicRef = std::shared_ptr<Topic>;

struct TopicRows {
  std::vector<metadata::KeyValue> topics;
  std::vector<metadata::KeyValue> deletions;
};

class TopicRegistry {
 public:
  struct Parts {
    base::Executor& executor;
    base::Clock& clock;
    base::Random& random;
    StreamStore& store;
    metadata::MetadataStore& metadata;
  };
  TopicRegistry(Parts parts, TopicDefaults defaults);

  // Every row of a topic, and of a deletion that is not finished: can be read before there is a
  // store.
  static base::Task<base::Status> read(base::Executor& executor, metadata::MetadataStore& metadata,
                                       TopicRows& rows);
  // Deletions that a dead process had begun wait for finish_removals().
  base::Status adopt(const TopicRows& rows);
  // Tells the listener of them, and finishes them in the background.
  base::Task<void> finish_removals();
  base::Task<void> stop() { return tasks_.stop_and_join(); }
  // Trims by retention now and then, until stop(). Intervals past a century count as one.
  void start_retention(std::chrono::milliseconds interval);

  TopicRef find(std::string_view name) const;
  TopicRef find(const wire::Uuid& id) const;
  std::vector<TopicRef> all() const;  // in no order
  size_t size() const { return by_name_.size(); }
  const TopicDefaults& defaults() const { return defaults_; }

  // What is wrong with creating this topic now, before anything is done.
  TopicFault check_new(const NewTopic& topic) const;
  // Creates those that check_new accepts, all in one transaction (several past its size limit). One
  // fault per topic.
  base::Task<std::vector<TopicFault>> create(std::vector<NewTopic> topics);
  // More partitions for a topic: `count` in all.
  base::Task<TopicFault> grow(TopicRef topic, int32_t count);
  // Not of an internal topic.
  base::Task<TopicFault> remove(TopicRef topic);
  // Called with the name and id of each topic that was deleted, before remove() answers, and again,
  // also after a restart, until it succeeds. The name may belong to a new topic by then.
  using RemovedListener = std::function<base::Task<base::Status>(std::string, wire::Uuid)>;
  void on_removed(RemovedListener listener) { removed_listener_ = std::move(listener); }

 private:
  void adopt(std::string name, TopicRow row);
  void forget(const Topic& topic);
  wire::Uuid new_id();
  StorageClass class_of(const NewTopic& topic) const;
  base::Task<void> open_classes(const std::vector<NewTopic>& topics,
                                std::vector<TopicFault>& faults);
  // The first of the ids of all new topics of a class; topics of one that has none get a fault.
  using FirstStreams = std::map<StorageClass, StreamId>;
  base::Task<FirstStreams> allocate(const std::vector<NewTopic>& topics,
                                    std::vector<TopicFault>& faults);
  void check_together(const std::vector<NewTopic>& topics, std::vector<TopicFault>& faults) const;
  base::Task<base::Status> commit_new(std::vector<NewTopic>& topics,
                                      std::vector<TopicFault>& faults);
  struct Removal {
    std::string key;  // of its row
    std::string name;
    TopicRow row;
  };
  base::Task<TopicFault> begin_removal(TopicRef topic);
  base::Task<base::Status> commit_removal(TopicRef topic, metadata::Transaction transaction);
  base::Task<void> finish_removal(Removal removal);
  base::Task<base::Status> try_finish_removal(const Removal& removal);
  base::Task<void> retry_removal(Removal removal);
  base::Task<void> retention_loop(base::Duration interval);
  base::Task<void> retain(TopicRef topic);
  // The last error, after every stream of the run was tried.
  base::Task<base::Status> retain_run(TopicRef topic, StreamRun run, RetentionPolicy policy);

  Parts parts_;
  TopicDefaults defaults_;
  std::shared_ptr<const TopicSettings> default_settings_;
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  struct IdHash {
    size_t operator()(const wire::Uuid& id) const {
      return id.high ^ (id.low * 0x9E3779B97F4A7C15ull);
    }
  };
  std::unordered_map<std::string, TopicRef, NameHash, std::equal_to<>> by_name_;
  std::unordered_map<wire::Uuid, Topic*, IdHash> by_id_;
  // Names with '.' and '_' made equal: two topics may not differ only there (their metrics would
  // collide).
  std::unordered_map<std::string, std::string> folded_names_;
  uint64_t partitions_total_ = 0;
  RemovedListener removed_listener_;
  std::vector<Removal> removals_;  // found by adopt()
  base::Semaphore turn_;           // one change of topics at a time
  size_t retention_steps_ = 0;
  base::TaskGroup tasks_;
};

}  // namespace thalweg::topics
