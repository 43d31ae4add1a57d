// RequestRouter: from a frame to the handler of its API. Stateless; called from every core.
#pragma once

#include "kafka_protocol/handlers/broker.h"
#include "kafka_protocol/server/request_handler.h"

namespace thalweg::handlers {

class RequestRouter final : public server::RequestHandler {
 public:
  explicit RequestRouter(Broker& broker) : broker_(broker) {}

  base::Task<server::PendingResponse> start(server::RequestContext context,
                                            base::ByteView body) override;
  void request_stop() override;

 private:
  Broker& broker_;
};

}  // namespace thalweg::handlers
