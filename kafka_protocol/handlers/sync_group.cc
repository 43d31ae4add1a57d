#include "kafka_protocol/handlers/sync_group.h"

namespace thalweg::handlers {

base::Task<wire::SyncGroupResponse> sync_group(Broker& broker, const Call&,
                                               const wire::SyncGroupRequest& request) {
  return broker.groups.sync_group(request);
}

}  // namespace thalweg::handlers
