// OffsetForLeaderEpoch (23): where a leader epoch ended, truthful for every past epoch (KIP-101,
// KIP-320).
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/offset_for_leader_epoch.h"

namespace thalweg::handlers {

base::Task<wire::OffsetForLeaderEpochResponse> offset_for_leader_epoch(
    Broker& broker, const Call& call, const wire::OffsetForLeaderEpochRequest& request);

}  // namespace thalweg::handlers
