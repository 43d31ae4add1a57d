// LeaveGroup (13): see coordinator/group.h.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/leave_group.h"

namespace thalweg::handlers {

base::Task<wire::LeaveGroupResponse> leave_group(Broker& broker, const Call& call,
                                                 const wire::LeaveGroupRequest& request);

}  // namespace thalweg::handlers
