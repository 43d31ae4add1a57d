#include "kafka_protocol/handlers/call.h"

namespace thalweg::handlers {

server::Response refuse_undecodable(const server::RequestContext& context,
                                    const base::Error& error) {
  base::log_info("connection from " + server::to_string(context.connection.peer) +
                 " closed: request of API " + std::to_string(context.api_key) + " version " +
                 std::to_string(context.api_version) + ": " + error.message);
  return server::Response::close();
}

}  // namespace thalweg::handlers
