// OffsetFetch (9): the committed offsets of one or more groups.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/offset_fetch.h"

namespace thalweg::handlers {

base::Task<wire::OffsetFetchResponse> offset_fetch(Broker& broker, const Call& call,
                                                   const wire::OffsetFetchRequest& request);

}  // namespace thalweg::handlers
