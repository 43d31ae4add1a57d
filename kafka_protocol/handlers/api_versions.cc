#include "kafka_protocol/handlers/api_versions.h"

#include <algorithm>

#include "kafka_protocol/handlers/api_table.h"

namespace thalweg::handlers {

namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?  (KIP-511)
bool legal_software_text(std::string_view text) {
  if (text.empty() || !is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace

base::Task<wire::ApiVersionsResponse> api_versions(Broker& broker, const Call& call,
                                                   const wire::ApiVersionsRequest& request) {
  wire::ApiVersionsResponse response;
  if (call.version() >= 3 && !(legal_software_text(request.client_software_name) &&
                               legal_software_text(request.client_software_version))) {
    response.error_code = wire::KafkaError::kInvalidRequest;
    co_return response;
  }
  // KIP-1242: a client that was told another cluster or node must look its brokers up again.
  const bool other_cluster = request.cluster_id.has_value() && !request.cluster_id->empty() &&
                             *request.cluster_id != broker.settings.cluster_id;
  const bool other_node = request.node_id >= 0 && request.node_id != broker.settings.node_id;
  if (call.version() >= 5 && (other_cluster || other_node)) {
    response.error_code = wire::KafkaError::kRebootstrapRequired;
    co_return response;
  }
  for (const ApiRow& row : api_table()) {
    response.api_keys.push_back({row.key, row.advertised.first, row.advertised.last});
  }
  co_return response;
}

server::Response unsupported_api_versions(const server::RequestContext& context) {
  const ApiRow* own = find_api(wire::kApiVersionsKey);
  wire::ApiVersionsResponse response;
  response.error_code = wire::KafkaError::kUnsupportedVersion;
  response.api_keys.push_back({own->key, own->advertised.first, own->advertised.last});
  return server::Response::send(
      std::move(*wire::encode_response(response, 0, context.correlation_id)));
}

}  // namespace thalweg::handlers
