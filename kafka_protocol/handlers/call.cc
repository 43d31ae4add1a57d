#include "kafka_protocol/handlers/call.h"

namespace thalweg::handlers {

server::Response refuse(const server::RequestContext& context, const base::Error& error) {
  return server::Response::close("request of API " + std::to_string(context.api_key) + " version " +
                                 std::to_string(context.api_version) + ": " + error.message);
}

}  // namespace thalweg::handlers
