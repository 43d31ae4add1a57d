#include "kafka_protocol/wire/instantiate.h"
#include "kafka_protocol/wire/messages/api_versions.h"
#include "kafka_protocol/wire/messages/describe_cluster.h"
#include "kafka_protocol/wire/messages/describe_configs.h"

namespace thalweg::wire {

THALWEG_WIRE_INSTANTIATE(ApiVersions)
THALWEG_WIRE_INSTANTIATE(DescribeCluster)
THALWEG_WIRE_INSTANTIATE(DescribeConfigs)

}  // namespace thalweg::wire
