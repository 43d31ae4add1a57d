// The list of all APIs with a message header, for what runs over all of them: the schema dump,
// tests, fuzzers.
#pragma once

#include "kafka_protocol/wire/messages/api_versions.h"
#include "kafka_protocol/wire/messages/create_partitions.h"
#include "kafka_protocol/wire/messages/create_topics.h"
#include "kafka_protocol/wire/messages/delete_groups.h"
#include "kafka_protocol/wire/messages/delete_topics.h"
#include "kafka_protocol/wire/messages/describe_cluster.h"
#include "kafka_protocol/wire/messages/describe_configs.h"
#include "kafka_protocol/wire/messages/describe_groups.h"
#include "kafka_protocol/wire/messages/fetch.h"
#include "kafka_protocol/wire/messages/find_coordinator.h"
#include "kafka_protocol/wire/messages/heartbeat.h"
#include "kafka_protocol/wire/messages/init_producer_id.h"
#include "kafka_protocol/wire/messages/join_group.h"
#include "kafka_protocol/wire/messages/leave_group.h"
#include "kafka_protocol/wire/messages/list_groups.h"
#include "kafka_protocol/wire/messages/list_offsets.h"
#include "kafka_protocol/wire/messages/metadata.h"
#include "kafka_protocol/wire/messages/offset_commit.h"
#include "kafka_protocol/wire/messages/offset_fetch.h"
#include "kafka_protocol/wire/messages/offset_for_leader_epoch.h"
#include "kafka_protocol/wire/messages/produce.h"
#include "kafka_protocol/wire/messages/sync_group.h"

// X(Name) once per API; its messages are NameRequest and NameResponse.
#define THALWEG_WIRE_APIS(X) \
  X(ApiVersions)             \
  X(CreatePartitions)        \
  X(CreateTopics)            \
  X(DeleteGroups)            \
  X(DeleteTopics)            \
  X(DescribeCluster)         \
  X(DescribeConfigs)         \
  X(DescribeGroups)          \
  X(Fetch)                   \
  X(FindCoordinator)         \
  X(Heartbeat)               \
  X(InitProducerId)          \
  X(JoinGroup)               \
  X(LeaveGroup)              \
  X(ListGroups)              \
  X(ListOffsets)             \
  X(Metadata)                \
  X(OffsetCommit)            \
  X(OffsetFetch)             \
  X(OffsetForLeaderEpoch)    \
  X(Produce)                 \
  X(SyncGroup)
