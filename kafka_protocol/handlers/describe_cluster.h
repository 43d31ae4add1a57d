// DescribeCluster (60): the cluster id and this broker.
#pragma once

#include "kafka_protocol/handlers/call.h"
#include "kafka_protocol/wire/messages/describe_cluster.h"

namespace thalweg::handlers {

base::Task<wire::DescribeClusterResponse> describe_cluster(
    Broker& broker, const Call& call, const wire::DescribeClusterRequest& request);

}  // namespace thalweg::handlers
