// DescribeGroups (15): state and members of groups.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/describe_groups.h"

namespace thalweg::handlers {

base::Task<base::Result<wire::DescribeGroupsResponse>> describe_groups(
    Broker& broker, const Call& call, const wire::DescribeGroupsRequest& request);

}  // namespace thalweg::handlers
