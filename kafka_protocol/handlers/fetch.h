// Fetch (1): record batches from an offset on, as they lie in the log, without a copy; parks until
// there is enough.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/fetch.h"

namespace thalweg::handlers {

base::Task<base::Result<wire::FetchResponse>> fetch(Broker& broker, const Call& call,
                                                    const wire::FetchRequest& request);

}  // namespace thalweg::handlers
