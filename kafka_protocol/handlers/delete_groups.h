// DeleteGroups (42): empty groups with their offsets.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/delete_groups.h"

namespace thalweg::handlers {

base::Task<wire::DeleteGroupsResponse> delete_groups(Broker& broker, const Call& call,
                                                     const wire::DeleteGroupsRequest& request);

}  // namespace thalweg::handlers
