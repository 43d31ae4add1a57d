// GroupCoordinator: the groups of one partition of `__consumer_offsets`: classic consumer groups
// and committed offsets.
//
// The owner of that partition owns it, on one core. It answers in the structs of the wire protocol.
// What a reply says is durable before the reply: assignments, commits, deletions. All state is
// rebuilt from the log by load(); a log that breaks is read again, and meanwhile clients are told
// to wait or to look elsewhere (B36).
//
// Requests may be views into a frame; whoever awaits a reply keeps the request and its frame until
// then. Not checked here, because they need more than groups: authorisation, and whether a
// committed topic exists.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka_protocol/coordinator/group.h"
#include "kafka_protocol/coordinator/group_offsets.h"
#include "kafka_protocol/coordinator/offsets_log.h"
#include "kafka_protocol/coordinator/offsets_writer.h"
#include "kafka_protocol/wire/messages/delete_groups.h"
#include "kafka_protocol/wire/messages/describe_groups.h"
#include "kafka_protocol/wire/messages/heartbeat.h"
#include "kafka_protocol/wire/messages/join_group.h"
#include "kafka_protocol/wire/messages/leave_group.h"
#include "kafka_protocol/wire/messages/list_groups.h"
#include "kafka_protocol/wire/messages/offset_commit.h"
#include "kafka_protocol/wire/messages/offset_fetch.h"
#include "kafka_protocol/wire/messages/sync_group.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"

namespace thalweg::coordinator {

// Broker settings, by Kafka's names and defaults.
struct CoordinatorOptions {
  GroupOptions groups;
  size_t offset_metadata_bytes_max = 4096;        // offset.metadata.max.bytes
  Milliseconds offsets_commit_timeout{5000};      // offsets.commit.timeout.ms
  int64_t offsets_retention_ms = 7 * 86400000LL;  // offsets.retention.minutes
  Milliseconds retention_check_interval{600000};  // offsets.retention.check.interval.ms
  size_t rewrite_records_min = kRewriteRecordsMin;
};

// Members that were told an id and have not come back with it, in all groups; past either bound the
// oldest is forgotten. One that does come back, comes back at once.
inline constexpr size_t kPendingMembersMax = 10000;
inline constexpr size_t kPendingBytesMax = 4 << 20;  // of their ids and their groups'
// Of the client or instance id in front of a member id; the rest of a longer one is left out.
inline constexpr size_t kMemberIdPrefixMax = 255;

// Who sends a JoinGroup.
struct JoiningClient {
  int16_t version = 0;
  std::string client_id;
  std::string client_host;
};

// The partition of `__consumer_offsets` that keeps a group: Kafka's, so that its tools agree.
int32_t offsets_partition_of(std::string_view group_id, int32_t partition_count);

class GroupCoordinator final : private GroupOutput, private LiveRecords {
 public:
  // All of it outlives the coordinator.
  struct Parts {
    base::Executor& executor;
    base::Clock& clock;
    base::Random& random;
    OffsetsLog& log;
  };
  GroupCoordinator(Parts parts, CoordinatorOptions options);
  ~GroupCoordinator() override;

  // Reads the log and starts serving; once. On an error nothing was started and it may be tried
  // again.
  base::Task<base::Status> load();
  // Ends what waits with NOT_COORDINATOR, after the append in flight.
  base::Task<void> stop();
  // The log belongs to somebody else now; this coordinator only answers NOT_COORDINATOR.
  bool lost() const { return phase_ == Phase::kLost; }

  base::Task<wire::JoinGroupResponse> join_group(JoiningClient client,
                                                 const wire::JoinGroupRequest& request);
  base::Task<wire::SyncGroupResponse> sync_group(const wire::SyncGroupRequest& request);
  wire::HeartbeatResponse heartbeat(const wire::HeartbeatRequest& request);
  // Before v3 the request names one member, whose error is the answer's.
  base::Task<wire::LeaveGroupResponse> leave_group(const wire::LeaveGroupRequest& request,
                                                   int16_t version);
  base::Task<wire::OffsetCommitResponse> commit_offsets(const wire::OffsetCommitRequest& request,
                                                        int16_t version);
  // For every version: one group of the request. The handler fills topic ids (v10) and flattens the
  // answer before v8. Nothing committed is offset -1 without an error (B42).
  wire::OffsetFetchResponse::Group fetch_offsets(
      const wire::OffsetFetchRequest::Group& request) const;
  // An unknown group is Dead, and from v6 GROUP_ID_NOT_FOUND (B44).
  wire::DescribeGroupsResponse::Group describe_group(std::string_view group_id,
                                                     int16_t version) const;
  // Appends the groups that pass the filters; an error if they are not loaded.
  KafkaError list_groups(const wire::ListGroupsRequest& request,
                         std::vector<wire::ListGroupsResponse::Group>& out) const;
  base::Task<wire::DeleteGroupsResponse::Group> delete_group(std::string group_id);

  // Forgets the offsets of a deleted topic; commits for it are refused already. Those of a new
  // topic of that name stay: they carry its id.
  base::Task<KafkaError> on_topic_deleted(std::string topic, wire::Uuid id);
  // Forgets what outlived its retention; also runs by itself every retention_check_interval.
  base::Task<KafkaError> expire_offsets();

  size_t group_count() const { return groups_.size(); }
  const OffsetsWriter& writer() const { return writer_; }

 private:
  enum class Phase { kLoading, kActive, kLost };
  struct Entry {
    Entry(std::string id, const GroupOptions& options, GroupOutput& output, Instant now)
        : group(std::move(id), options, output, now) {}
    Group group;
    GroupOffsets offsets;
    std::optional<Bytes> stored;  // the group's newest durable GroupMetadataValue
    size_t writes_in_flight = 0;
    base::TimerId timer = 0;
    base::TimePoint timer_at;
  };
  using Entries = std::map<std::string, std::unique_ptr<Entry>, std::less<>>;
  using OffsetTombstones = std::vector<std::pair<std::string, int32_t>>;  // topic, partition

  // GroupOutput
  void store(const std::string& group_id, GroupMetadataValue value, Done done) override;
  // LiveRecords
  size_t count() const override { return live_records_; }
  std::vector<KeyValueRecord> next(std::string& cursor, size_t records_max) const override;

  Instant now();
  std::optional<KafkaError> not_ready() const;
  Entry* find(std::string_view group_id) const;
  Entry& find_or_create(std::string_view group_id);
  // After every input to a group: its timer is set, and a group that holds nothing is dropped.
  void settle(Entry& entry);
  // The second half alone; true if the group is gone.
  bool drop_if_nothing(Entry& entry);
  void arm_timer(Entry& entry);
  void cancel_timer(Entry& entry);
  std::string fresh_member_id(std::string_view prefix);
  void remember_pending(std::string group_id, std::string member_id);
  void drop_all(KafkaError error);

  KafkaError admit_commit(const wire::OffsetCommitRequest& request, int16_t version, Entry*& entry);
  std::vector<KeyValueRecord> commit_records(
      const wire::OffsetCommitRequest& request, wire::OffsetCommitResponse& response,
      std::vector<std::pair<OffsetCommitKey, OffsetCommitValue>>& commits);
  // Room for a commit; kCoordinatorNotAvailable when there was none until `deadline`.
  base::Task<KafkaError> commit_room(size_t records, base::TimePoint deadline);
  base::Task<void> acquire_room(size_t records, std::shared_ptr<base::OneShot<KafkaError>> outcome);
  // Pushes the records of a group; `apply` runs once they are durable. The answer arrives through
  // the task: kCoordinatorNotAvailable at the deadline, while the write goes on and may yet become
  // durable.
  base::Task<KafkaError> write(std::string group_id, std::vector<KeyValueRecord> records,
                               std::move_only_function<void(Entry&)> apply,
                               std::optional<base::TimePoint> deadline = std::nullopt);
  // All writes go through here, so that they are counted; `done` gets the group, if it still
  // exists.
  void push(std::string group_id, std::vector<KeyValueRecord> records,
            std::move_only_function<void(KafkaError, Entry*)> done);
  // Waits until what was written for the group so far is settled.
  base::Task<void> settled(std::string group_id);
  base::Task<KafkaError> delete_offsets(std::string group_id, OffsetTombstones offsets);
  base::Task<KafkaError> delete_dead_group(std::string group_id);
  OffsetTombstones expired_offsets(const Entry& entry, base::Timestamp wall) const;

  base::Task<base::Status> read_log();
  base::Status replay_record(ByteView key, std::optional<ByteView> value);
  void restore_groups();
  base::Task<void> serve();
  base::Task<void> expire_periodically();

  base::Executor& executor_;
  base::Clock& clock_;
  base::Random& random_;
  OffsetsLog& log_;
  const CoordinatorOptions options_;
  Phase phase_ = Phase::kLoading;
  Entries groups_;
  // Members that were told an id, oldest first; some came back or are gone.
  std::deque<std::pair<std::string, std::string>> pending_;  // group id, member id
  size_t pending_bytes_ = 0;
  size_t live_records_ = 0;
  size_t replayed_ = 0;
  OffsetsWriter writer_;
  uint64_t writes_pushed_ = 0;
  uint64_t writes_settled_ = 0;  // of those, in their order
  base::Notifier write_done_;
  base::TaskGroup tasks_;
};

}  // namespace thalweg::coordinator
