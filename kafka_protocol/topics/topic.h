// Topic: one topic in memory. Partitions have objects only once they are used; an idle topic is its
// row.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kafka_protocol/topics/partition.h"
#include "kafka_protocol/topics/topic_config.h"

namespace thalweg::topics {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionsTopic = "__transaction_state";
// The broker's own: written by it alone (Topic.java).
bool internal_topic(std::string_view name);

class Topic {
 public:
  Topic(std::string name, TopicRow row, std::shared_ptr<const TopicSettings> settings)
      : name_(std::move(name)), row_(std::move(row)), settings_(std::move(settings)) {}

  const std::string& name() const { return name_; }
  const wire::Uuid& id() const { return row_.id; }
  const TopicRow& row() const { return row_; }
  const TopicSettings& settings() const { return *settings_; }
  bool internal() const { return internal_topic(name_); }
  // Deleted while somebody still holds it: answer as if it were gone.
  bool deleted() const { return deleted_; }

  int32_t partition_count() const;
  bool has_partition(int32_t index) const { return index >= 0 && index < partition_count(); }
  StreamId stream(int32_t partition) const;
  std::vector<StreamId> streams() const;
  // The partition's object, made on first use; has_partition(index).
  Partition& partition(base::Executor& executor, int32_t index);
  // The object if there is one.
  Partition* partition_if_used(int32_t index) const;

  void set_row(TopicRow row) { row_ = std::move(row); }
  void mark_deleted() { deleted_ = true; }
  void unmark_deleted() { deleted_ = false; }

 private:
  const std::string name_;
  TopicRow row_;
  // Shared by all topics without configs of their own.
  std::shared_ptr<const TopicSettings> settings_;
  bool deleted_ = false;
  std::vector<std::unique_ptr<Partition>> partitions_;
};

// Topic.java: 1..249 characters of [a-zA-Z0-9._-], not "." or "..". An empty text if legal, else
// what is wrong.
std::string topic_name_fault(std::string_view name);

}  // namespace thalweg::topics
