#include "kafka_protocol/handlers/delete_groups.h"

namespace thalweg::handlers {

base::Task<wire::DeleteGroupsResponse> delete_groups(Broker& broker, const Call&,
                                                     const wire::DeleteGroupsRequest& request) {
  wire::DeleteGroupsResponse response;
  for (const std::string_view group : request.groups_names) {
    response.results.push_back(co_await broker.groups.delete_group(std::string(group)));
  }
  co_return response;
}

}  // namespace thalweg::handlers
