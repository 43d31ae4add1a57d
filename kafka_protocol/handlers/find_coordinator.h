// FindCoordinator (10): the coordinator of a group is this broker. Transactions are refused.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/find_coordinator.h"

namespace thalweg::handlers {

base::Task<base::Result<wire::FindCoordinatorResponse>> find_coordinator(
    Broker& broker, const Call& call, const wire::FindCoordinatorRequest& request);

}  // namespace thalweg::handlers
