#include "kafka_protocol/handlers/heartbeat.h"

namespace thalweg::handlers {

base::Task<wire::HeartbeatResponse> heartbeat(Broker& broker, const Call&,
                                              const wire::HeartbeatRequest& request) {
  co_return broker.groups.heartbeat(request);
}

}  // namespace thalweg::handlers
