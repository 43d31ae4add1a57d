#include "kafka_protocol/handlers/describe_cluster.h"

#include "kafka_protocol/handlers/authorized_operations.h"

namespace thalweg::handlers {

base::Task<wire::DescribeClusterResponse> describe_cluster(
    Broker& broker, const Call& call, const wire::DescribeClusterRequest& request) {
  wire::DescribeClusterResponse response;
  response.cluster_id = broker.settings.cluster_id;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type !=
      1) {  // KIP-919: 2 asks for controllers, which this broker has none of
    response.error_code = wire::KafkaError::kUnsupportedEndpointType;
    response.error_message = "Only brokers can be described here.";
    co_return response;
  }
  response.controller_id = broker.settings.node_id;
  response.brokers.push_back({.broker_id = broker.settings.node_id,
                              .host = call.advertised().host,
                              .port = call.advertised().port,
                              .rack = std::nullopt,
                              .is_fenced = false});
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  co_return response;
}

}  // namespace thalweg::handlers
