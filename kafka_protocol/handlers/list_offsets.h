// ListOffsets (2): the earliest and latest offset, and the first record at or after a timestamp.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/list_offsets.h"

namespace thalweg::handlers {

base::Task<wire::ListOffsetsResponse> list_offsets(Broker& broker, const Call& call,
                                                   const wire::ListOffsetsRequest& request);

}  // namespace thalweg::handlers
