#include "kafka_protocol/handlers/api_table.h"

#include <array>

#include "kafka_protocol/handlers/api_versions.h"
#include "kafka_protocol/handlers/create_partitions.h"
#include "kafka_protocol/handlers/create_topics.h"
#include "kafka_protocol/handlers/delete_groups.h"
#include "kafka_protocol/handlers/delete_topics.h"
#include "kafka_protocol/handlers/describe_cluster.h"
#include "kafka_protocol/handlers/describe_configs.h"
#include "kafka_protocol/handlers/describe_groups.h"
#include "kafka_protocol/handlers/fetch.h"
#include "kafka_protocol/handlers/find_coordinator.h"
#include "kafka_protocol/handlers/heartbeat.h"
#include "kafka_protocol/handlers/init_producer_id.h"
#include "kafka_protocol/handlers/join_group.h"
#include "kafka_protocol/handlers/leave_group.h"
#include "kafka_protocol/handlers/list_groups.h"
#include "kafka_protocol/handlers/list_offsets.h"
#include "kafka_protocol/handlers/metadata.h"
#include "kafka_protocol/handlers/offset_commit.h"
#include "kafka_protocol/handlers/offset_fetch.h"
#include "kafka_protocol/handlers/offset_for_leader_epoch.h"
#include "kafka_protocol/handlers/produce.h"
#include "kafka_protocol/handlers/sync_group.h"

namespace thalweg::handlers {

namespace {

template <class Request, auto kHandler, Proof kProof = Proof::kNotNeeded>
constexpr ApiRow row(const char* name) {
  return {Request::api.key,      name,
          Request::api.valid,    Request::api.valid,
          Request::api.flexible, &serve<Request, kHandler, kProof>};
}

constexpr ApiRow produce_row() {
  using wire::ProduceRequest;
  // Advertised from 0: librdkafka up to 2.11 takes Produce 0 for the sign that compression works
  // (KAFKA-18659).
  return {ProduceRequest::api.key,      "Produce",
          ProduceRequest::api.valid,    {0, ProduceRequest::api.valid.last},
          ProduceRequest::api.flexible, &serve_produce};
}

constexpr auto kTable = std::to_array<ApiRow>({
    produce_row(),
    row<wire::FetchRequest, fetch>("Fetch"),
    row<wire::ListOffsetsRequest, list_offsets, Proof::kOfOwnership>("ListOffsets"),
    row<wire::MetadataRequest, metadata>("Metadata"),
    row<wire::OffsetCommitRequest, offset_commit>("OffsetCommit"),
    row<wire::OffsetFetchRequest, offset_fetch, Proof::kOfOwnership>("OffsetFetch"),
    row<wire::FindCoordinatorRequest, find_coordinator>("FindCoordinator"),
    row<wire::JoinGroupRequest, join_group, Proof::kOfOwnership>("JoinGroup"),
    row<wire::HeartbeatRequest, heartbeat>("Heartbeat"),
    row<wire::LeaveGroupRequest, leave_group>("LeaveGroup"),
    row<wire::SyncGroupRequest, sync_group, Proof::kOfOwnership>("SyncGroup"),
    row<wire::DescribeGroupsRequest, describe_groups, Proof::kOfOwnership>("DescribeGroups"),
    row<wire::ListGroupsRequest, list_groups, Proof::kOfOwnership>("ListGroups"),
    row<wire::ApiVersionsRequest, api_versions>("ApiVersions"),
    row<wire::CreateTopicsRequest, create_topics>("CreateTopics"),
    row<wire::DeleteTopicsRequest, delete_topics>("DeleteTopics"),
    row<wire::InitProducerIdRequest, init_producer_id>("InitProducerId"),
    row<wire::OffsetForLeaderEpochRequest, offset_for_leader_epoch, Proof::kOfOwnership>(
        "OffsetForLeaderEpoch"),
    row<wire::DescribeConfigsRequest, describe_configs>("DescribeConfigs"),
    row<wire::CreatePartitionsRequest, create_partitions>("CreatePartitions"),
    row<wire::DeleteGroupsRequest, delete_groups>("DeleteGroups"),
    row<wire::DescribeClusterRequest, describe_cluster>("DescribeCluster"),
});

}  // namespace

std::span<const ApiRow> api_table() { return kTable; }

const ApiRow* find_api(int16_t key) {
  for (const ApiRow& row : kTable) {
    if (row.key == key) return &row;
  }
  return nullptr;
}

}  // namespace thalweg::handlers
