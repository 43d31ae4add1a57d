#include "kafka_protocol/handlers/join_group.h"

namespace thalweg::handlers {

base::Task<wire::JoinGroupResponse> join_group(Broker& broker, const Call& call,
                                               const wire::JoinGroupRequest& request) {
  return broker.groups.join_group({.version = call.version(),
                                   .client_id = std::string(call.client_id()),
                                   .client_host = "/" + call.context.connection.peer.host},
                                  request);
}

}  // namespace thalweg::handlers
