#include "kafka_protocol/wire/instantiate.h"
#include "kafka_protocol/wire/messages/create_partitions.h"
#include "kafka_protocol/wire/messages/create_topics.h"
#include "kafka_protocol/wire/messages/delete_topics.h"
#include "kafka_protocol/wire/messages/metadata.h"

namespace thalweg::wire {

THALWEG_WIRE_INSTANTIATE(CreatePartitions)
THALWEG_WIRE_INSTANTIATE(CreateTopics)
THALWEG_WIRE_INSTANTIATE(DeleteTopics)
THALWEG_WIRE_INSTANTIATE(Metadata)

}  // namespace thalweg::wire
