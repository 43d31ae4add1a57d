#include "kafka_protocol/handlers/list_groups.h"

namespace thalweg::handlers {

base::Task<wire::ListGroupsResponse> list_groups(Broker& broker, const Call&,
                                                 const wire::ListGroupsRequest& request) {
  wire::ListGroupsResponse response;
  response.error_code = broker.groups.list_groups(request, response.groups);
  co_return response;
}

}  // namespace thalweg::handlers
