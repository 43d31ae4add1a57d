// SyncGroup (14): see coordinator/group.h.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/sync_group.h"

namespace thalweg::handlers {

base::Task<wire::SyncGroupResponse> sync_group(Broker& broker, const Call& call,
                                               const wire::SyncGroupRequest& request);

}  // namespace thalweg::handlers
