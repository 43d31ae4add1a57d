// Metadata (3): this broker, its topics, and itself as the leader of every partition; creates
// topics on demand.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/metadata.h"

namespace thalweg::handlers {

base::Task<base::Result<wire::MetadataResponse>> metadata(Broker& broker, const Call& call,
                                                          const wire::MetadataRequest& request);

}  // namespace thalweg::handlers
