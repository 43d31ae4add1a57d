// Produce (0): appends record batches. The records are validated once, never decompressed on the
// plain path, and copied once, into the log.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/produce.h"

namespace thalweg::handlers {

// Phase 1 validates, sequences and copies, in the order the connection sent; phase 2 waits until
// all of it is durable.
base::Task<server::PendingResponse> serve_produce(Broker& broker, server::RequestContext context,
                                                  base::ByteView body);

}  // namespace thalweg::handlers
