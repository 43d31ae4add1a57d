#include "kafka_protocol/wire/instantiate.h"
#include "kafka_protocol/wire/messages/delete_groups.h"
#include "kafka_protocol/wire/messages/describe_groups.h"
#include "kafka_protocol/wire/messages/find_coordinator.h"
#include "kafka_protocol/wire/messages/heartbeat.h"
#include "kafka_protocol/wire/messages/join_group.h"
#include "kafka_protocol/wire/messages/leave_group.h"
#include "kafka_protocol/wire/messages/list_groups.h"
#include "kafka_protocol/wire/messages/sync_group.h"

namespace thalweg::wire {

THALWEG_WIRE_INSTANTIATE(DeleteGroups)
THALWEG_WIRE_INSTANTIATE(DescribeGroups)
THALWEG_WIRE_INSTANTIATE(FindCoordinator)
THALWEG_WIRE_INSTANTIATE(Heartbeat)
THALWEG_WIRE_INSTANTIATE(JoinGroup)
THALWEG_WIRE_INSTANTIATE(LeaveGroup)
THALWEG_WIRE_INSTANTIATE(ListGroups)
THALWEG_WIRE_INSTANTIATE(SyncGroup)

}  // namespace thalweg::wire
