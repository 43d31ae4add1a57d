#include "kafka_protocol/handlers/describe_groups.h"

#include "kafka_protocol/handlers/authorized_operations.h"

namespace thalweg::handlers {

base::Task<wire::DescribeGroupsResponse> describe_groups(
    Broker& broker, const Call& call, const wire::DescribeGroupsRequest& request) {
  wire::DescribeGroupsResponse response;
  for (const std::string_view group : request.groups) {
    auto& answer =
        response.groups.emplace_back(broker.groups.describe_group(group, call.version()));
    const bool known = answer.error_code == wire::KafkaError::kNone;
    if (request.include_authorized_operations && known) {
      answer.authorized_operations = kGroupOperations;
    }
  }
  co_return response;
}

}  // namespace thalweg::handlers
