#include "kafka_protocol/handlers/leave_group.h"

namespace thalweg::handlers {

base::Task<wire::LeaveGroupResponse> leave_group(Broker& broker, const Call& call,
                                                 const wire::LeaveGroupRequest& request) {
  return broker.groups.leave_group(request, call.version());
}

}  // namespace thalweg::handlers
