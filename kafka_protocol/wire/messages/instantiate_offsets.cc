#include "kafka_protocol/wire/instantiate.h"
#include "kafka_protocol/wire/messages/init_producer_id.h"
#include "kafka_protocol/wire/messages/offset_commit.h"
#include "kafka_protocol/wire/messages/offset_fetch.h"

namespace thalweg::wire {

THALWEG_WIRE_INSTANTIATE(InitProducerId)
THALWEG_WIRE_INSTANTIATE(OffsetCommit)
THALWEG_WIRE_INSTANTIATE(OffsetFetch)

}  // namespace thalweg::wire
