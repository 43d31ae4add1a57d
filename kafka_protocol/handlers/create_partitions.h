// CreatePartitions (37): more partitions for existing topics.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/create_partitions.h"

namespace thalweg::handlers {

base::Task<wire::CreatePartitionsResponse> create_partitions(
    Broker& broker, const Call& call, const wire::CreatePartitionsRequest& request);

}  // namespace thalweg::handlers
