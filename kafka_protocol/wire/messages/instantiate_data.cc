#include "kafka_protocol/wire/instantiate.h"
#include "kafka_protocol/wire/messages/fetch.h"
#include "kafka_protocol/wire/messages/list_offsets.h"
#include "kafka_protocol/wire/messages/offset_for_leader_epoch.h"
#include "kafka_protocol/wire/messages/produce.h"

namespace thalweg::wire {

THALWEG_WIRE_INSTANTIATE(Fetch)
THALWEG_WIRE_INSTANTIATE(ListOffsets)
THALWEG_WIRE_INSTANTIATE(OffsetForLeaderEpoch)
THALWEG_WIRE_INSTANTIATE(Produce)

}  // namespace thalweg::wire
