// OffsetCommit (8): durable before it is answered.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/offset_commit.h"

namespace thalweg::handlers {

base::Task<wire::OffsetCommitResponse> offset_commit(Broker& broker, const Call& call,
                                                     const wire::OffsetCommitRequest& request);

}  // namespace thalweg::handlers
