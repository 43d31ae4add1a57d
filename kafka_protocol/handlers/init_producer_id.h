// InitProducerId (22): a producer id that was never given out before. Transactions are refused.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/init_producer_id.h"

namespace thalweg::handlers {

base::Task<wire::InitProducerIdResponse> init_producer_id(
    Broker& broker, const Call& call, const wire::InitProducerIdRequest& request);

}  // namespace thalweg::handlers
