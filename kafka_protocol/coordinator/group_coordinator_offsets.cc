// Committed offsets: commit, fetch, deletion and expiry.
#include <algorithm>
#include <utility>

#include "kafka_protocol/coordinator/group_coordinator.h"
#include "streamcore/base/log.h"

namespace thalweg::coordinator {

using base::Task;
using wire::OffsetCommitRequest;
using wire::OffsetCommitResponse;
using wire::OffsetFetchRequest;
using wire::OffsetFetchResponse;

namespace {

// The answer with `error` for every partition.
OffsetCommitResponse answer_all(const OffsetCommitRequest& request, KafkaError error) {
  OffsetCommitResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      answered.partitions.push_back({partition.partition_index, error});
    }
  }
  return response;
}

size_t partitions_in(const OffsetCommitRequest& request) {
  size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  return count;
}

OffsetFetchResponse::Group::GroupTopic::GroupPartition fetched(int32_t partition,
                                                               const OffsetCommitValue* value) {
  OffsetFetchResponse::Group::GroupTopic::GroupPartition out;
  out.partition_index = partition;
  out.committed_offset = value == nullptr ? -1 : value->offset;
  out.committed_leader_epoch = value == nullptr ? -1 : value->leader_epoch;
  out.metadata = value == nullptr ? std::string() : value->metadata;
  return out;
}

}  // namespace

KafkaError GroupCoordinator::admit_commit(const OffsetCommitRequest& request, int16_t version,
                                          Entry*& entry) {
  constexpr int16_t kGroupNotFoundSince = 9;
  if (const auto error = not_ready()) return *error;
  entry = find(request.group_id);
  if (entry == nullptr) {
    if (request.generation_id_or_member_epoch >= 0) {
      return version >= kGroupNotFoundSince ? KafkaError::kGroupIdNotFound
                                            : KafkaError::kIllegalGeneration;
    }
    entry = &find_or_create(request.group_id);  // a consumer that only keeps offsets (B41)
  }
  return entry->group.admit_commit(request.member_id, request.group_instance_id,
                                   request.generation_id_or_member_epoch, now());
}

std::vector<KeyValueRecord> GroupCoordinator::commit_records(
    const OffsetCommitRequest& request, OffsetCommitResponse& response,
    std::vector<std::pair<OffsetCommitKey, OffsetCommitValue>>& commits) {
  const base::Timestamp wall = clock_.wall_now();
  std::vector<KeyValueRecord> records;
  for (size_t t = 0; t < request.topics.size(); ++t) {
    const auto& topic = request.topics[t];
    for (size_t p = 0; p < topic.partitions.size(); ++p) {
      const auto& asked = topic.partitions[p];
      const std::string_view metadata = asked.committed_metadata.value_or("");
      if (metadata.size() > options_.offset_metadata_bytes_max) {
        response.topics[t].partitions[p].error_code = KafkaError::kOffsetMetadataTooLarge;
        continue;
      }
      OffsetCommitKey key{std::string(request.group_id), std::string(topic.name),
                          asked.partition_index};
      OffsetCommitValue value{.offset = asked.committed_offset,
                              .leader_epoch = asked.committed_leader_epoch,
                              .metadata = std::string(metadata),
                              .commit_timestamp = wall,
                              .expire_timestamp = -1,
                              .topic_id = topic.topic_id};
      if (request.retention_time_ms >= 0) value.expire_timestamp = wall + request.retention_time_ms;
      records.push_back({encode_key(key), encode_value(value), wall});
      commits.emplace_back(std::move(key), std::move(value));
    }
  }
  return records;
}

Task<void> GroupCoordinator::acquire_room(size_t records,
                                          std::shared_ptr<base::OneShot<KafkaError>> outcome) {
  const bool acquired = co_await writer_.acquire(records);
  if (!acquired) co_return outcome->set(KafkaError::kNotCoordinator);
  if (outcome->is_set()) co_return writer_.release(records);  // too late
  outcome->set(KafkaError::kNone);
}

Task<KafkaError> GroupCoordinator::commit_room(size_t records, base::TimePoint deadline) {
  if (!writer_.would_wait(records)) {
    co_return co_await writer_.acquire(records) ? KafkaError::kNone : KafkaError::kNotCoordinator;
  }
  const auto outcome = std::make_shared<base::OneShot<KafkaError>>(executor_);
  tasks_.spawn(acquire_room(records, outcome));
  const base::TimerId timer = executor_.run_after(deadline - executor_.now(), [outcome] {
    outcome->set(KafkaError::kCoordinatorNotAvailable);
  });
  co_await outcome->wait();
  executor_.cancel(timer);
  co_return outcome->value();
}

// Answered in time although the log stands still: heartbeats wait behind it on their connection.
Task<OffsetCommitResponse> GroupCoordinator::commit_offsets(const OffsetCommitRequest& request,
                                                            int16_t version) {
  const base::TimePoint deadline = executor_.now() + options_.offsets_commit_timeout;
  const size_t units = partitions_in(request);
  const KafkaError full = co_await commit_room(units, deadline);
  if (full != KafkaError::kNone) co_return answer_all(request, full);
  // Given back when the write is settled, which may be after the answer.
  const auto give_back = [this, units](void*) { writer_.release(units); };
  std::unique_ptr<void, decltype(give_back)> room(this, give_back);
  Entry* entry = nullptr;
  const KafkaError refused = admit_commit(request, version, entry);
  OffsetCommitResponse response = answer_all(request, refused);
  std::vector<std::pair<OffsetCommitKey, OffsetCommitValue>> commits;
  std::vector<KeyValueRecord> records;
  if (refused == KafkaError::kNone) records = commit_records(request, response, commits);
  if (!records.empty()) {
    const auto apply = [this](Entry& durable, auto& what) {
      const size_t before = durable.offsets.size();
      for (auto& [key, value] : what) {
        durable.offsets.set(key.topic, key.partition, std::move(value));
      }
      live_records_ += durable.offsets.size() - before;
    };
    const KafkaError error = co_await write(
        std::string(request.group_id), std::move(records),
        [apply, commits = std::move(commits), room = std::move(room)](Entry& durable) mutable {
          apply(durable, commits);
        },
        deadline);
    for (auto& topic : response.topics) {
      for (auto& partition : topic.partitions) {
        if (partition.error_code == KafkaError::kNone) partition.error_code = error;
      }
    }
  } else if (entry != nullptr) {
    drop_if_nothing(*entry);
  }
  co_return response;
}

OffsetFetchResponse::Group GroupCoordinator::fetch_offsets(
    const OffsetFetchRequest::Group& request) const {
  OffsetFetchResponse::Group response;
  response.group_id = request.group_id;
  if (const auto error = not_ready()) {
    response.error_code = *error;
    return response;
  }
  static const GroupOffsets kNothing;
  const Entry* entry = find(request.group_id);
  const GroupOffsets& offsets = entry == nullptr ? kNothing : entry->offsets;
  if (!request.topics) {
    for (const auto& [name, partitions] : offsets.topics()) {
      auto& topic = response.topics.emplace_back();
      topic.name = name;
      for (const auto& [partition, value] : partitions) {
        topic.partitions.push_back(fetched(partition, &value));
      }
    }
    return response;
  }
  for (const auto& asked : *request.topics) {
    auto& topic = response.topics.emplace_back();
    topic.name = asked.name;
    topic.topic_id = asked.topic_id;
    for (const int32_t partition : asked.partition_indexes) {
      topic.partitions.push_back(fetched(partition, offsets.find(asked.name, partition)));
    }
  }
  return response;
}

Task<KafkaError> GroupCoordinator::delete_offsets(std::string group_id, OffsetTombstones offsets) {
  if (offsets.empty()) co_return KafkaError::kNone;
  std::vector<KeyValueRecord> records;
  for (const auto& [topic, partition] : offsets) {
    records.push_back(
        {encode_key(OffsetCommitKey{group_id, topic, partition}), std::nullopt, clock_.wall_now()});
  }
  co_return co_await write(group_id, std::move(records),
                           [this, offsets = std::move(offsets)](Entry& entry) {
                             const size_t before = entry.offsets.size();
                             for (const auto& [topic, partition] : offsets) {
                               entry.offsets.erase(topic, partition);
                             }
                             live_records_ -= before - entry.offsets.size();
                           });
}

// The group was set dead and nothing of it is in flight. If its end cannot be written it lives on,
// empty.
Task<KafkaError> GroupCoordinator::delete_dead_group(std::string group_id) {
  Entry* entry = find(group_id);
  if (entry == nullptr || entry->group.state() != GroupState::kDead) {
    co_return KafkaError::kCoordinatorNotAvailable;  // the log was read again meanwhile
  }
  std::vector<KeyValueRecord> records;
  const base::Timestamp wall = clock_.wall_now();
  for (const auto& [topic, partitions] : entry->offsets.topics()) {
    for (const auto& [partition, value] : partitions) {
      records.push_back(
          {encode_key(OffsetCommitKey{group_id, topic, partition}), std::nullopt, wall});
    }
  }
  records.push_back({encode_key(GroupMetadataKey{group_id}), std::nullopt, wall});
  const KafkaError error = co_await write(group_id, std::move(records), [this](Entry& durable) {
    live_records_ -= durable.offsets.size() + (durable.stored ? 1 : 0);
    durable.offsets = {};
    durable.stored.reset();
    durable.group.revive();  // Empty and holding nothing: it is dropped
  });
  entry = find(group_id);
  if (error != KafkaError::kNone && entry != nullptr && entry->group.state() == GroupState::kDead) {
    entry->group.revive();
  }
  co_return error;
}

Task<KafkaError> GroupCoordinator::on_topic_deleted(std::string topic, wire::Uuid id) {
  if (const auto error = not_ready()) co_return *error;
  std::vector<std::string> group_ids;
  for (const auto& [group_id, entry] : groups_) {
    if (entry->writes_in_flight > 0 || entry->offsets.find(topic) != nullptr) {
      group_ids.push_back(group_id);
    }
  }
  KafkaError result = KafkaError::kNone;
  for (const std::string& group_id : group_ids) {
    co_await settled(group_id);  // a commit that was on its way when the topic went
    if (const auto gone = not_ready()) co_return *gone;
    const Entry* entry = find(group_id);
    const auto* partitions = entry == nullptr ? nullptr : entry->offsets.find(topic);
    if (partitions == nullptr) continue;
    OffsetTombstones offsets;
    for (const auto& [partition, value] : *partitions) {
      if (value.topic_id == id || value.topic_id.is_zero()) offsets.emplace_back(topic, partition);
    }
    const KafkaError error = co_await delete_offsets(group_id, std::move(offsets));
    if (error != KafkaError::kNone) result = error;
  }
  co_return result;
}

// B43: an active group keeps what it subscribes to; the clock of the others starts when the group
// became empty, or with the commit where there is no group
// (ClassicGroup.offsetExpirationCondition).
GroupCoordinator::OffsetTombstones GroupCoordinator::expired_offsets(const Entry& entry,
                                                                     base::Timestamp wall) const {
  const Group& group = entry.group;
  const bool simple = group.protocol_type().empty();
  const bool empty = group.state() == GroupState::kEmpty;
  std::optional<std::vector<std::string>> subscribed;
  if (!simple && !empty) {
    if (group.state() == GroupState::kStable) subscribed = group.subscribed_topics();
    if (!subscribed) return {};
  }
  OffsetTombstones expired;
  for (const auto& [topic, partitions] : entry.offsets.topics()) {
    if (subscribed && std::ranges::find(*subscribed, topic) != subscribed->end()) continue;
    for (const auto& [partition, value] : partitions) {
      base::Timestamp since = value.commit_timestamp;
      if (!simple && empty) since = std::max(since, group.state_since());
      const bool over = value.expire_timestamp >= 0 ? wall >= value.expire_timestamp
                                                    : wall - since >= options_.offsets_retention_ms;
      if (over) expired.emplace_back(topic, partition);
    }
  }
  return expired;
}

Task<KafkaError> GroupCoordinator::expire_offsets() {
  if (const auto error = not_ready()) co_return *error;
  std::vector<std::string> group_ids;
  for (const auto& [id, entry] : groups_) group_ids.push_back(id);
  KafkaError result = KafkaError::kNone;
  for (const std::string& id : group_ids) {
    if (const auto gone = not_ready()) co_return *gone;
    Entry* entry = find(id);
    // What is being written is not old.
    if (entry == nullptr || entry->writes_in_flight > 0 ||
        entry->group.state() == GroupState::kDead) {
      continue;
    }
    OffsetTombstones expired = expired_offsets(*entry, clock_.wall_now());
    const bool nothing_left = expired.size() == entry->offsets.size();
    KafkaError error = KafkaError::kNone;
    if (nothing_left && entry->group.state() == GroupState::kEmpty &&
        entry->group.pending_count() == 0) {
      entry->group.set_dead();
      error = co_await delete_dead_group(id);
    } else {
      error = co_await delete_offsets(id, std::move(expired));
    }
    if (error != KafkaError::kNone) result = error;
  }
  co_return result;
}

Task<void> GroupCoordinator::expire_periodically() {
  while (co_await tasks_.sleep_for(options_.retention_check_interval)) {
    const KafkaError error = co_await expire_offsets();
    if (error == KafkaError::kNone) continue;
    base::log_warn("coordinator: offsets not expired: " + std::string(wire::to_string(error)));
  }
}

}  // namespace thalweg::coordinator
