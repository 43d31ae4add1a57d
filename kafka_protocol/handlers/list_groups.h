// ListGroups (16): the groups of this coordinator, by state and type.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/list_groups.h"

namespace thalweg::handlers {

base::Task<wire::ListGroupsResponse> list_groups(Broker& broker, const Call& call,
                                                 const wire::ListGroupsRequest& request);

}  // namespace thalweg::handlers
