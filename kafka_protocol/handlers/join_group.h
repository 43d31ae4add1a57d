// JoinGroup (11): see coordinator/group.h.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/join_group.h"

namespace thalweg::handlers {

base::Task<wire::JoinGroupResponse> join_group(Broker& broker, const Call& call,
                                               const wire::JoinGroupRequest& request);

}  // namespace thalweg::handlers
