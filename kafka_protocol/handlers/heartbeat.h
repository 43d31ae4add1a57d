// Heartbeat (12): see coordinator/group.h.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/heartbeat.h"

namespace thalweg::handlers {

base::Task<wire::HeartbeatResponse> heartbeat(Broker& broker, const Call& call,
                                              const wire::HeartbeatRequest& request);

}  // namespace thalweg::handlers
