#include "kafka_protocol/handlers/init_producer_id.h"

namespace thalweg::handlers {

using wire::KafkaError;

base::Task<wire::InitProducerIdResponse> init_producer_id(
    Broker& broker, const Call&, const wire::InitProducerIdRequest& request) {
  wire::InitProducerIdResponse response;
  if (request.transactional_id.has_value()) {
    // Transactions must not half exist: this error is fatal to Java and librdkafka producers alike,
    // at once.
    response.error_code = request.transactional_id->empty()
                              ? KafkaError::kInvalidRequest
                              : KafkaError::kTransactionalIdAuthorizationFailed;
    co_return response;
  }
  const base::Result<uint64_t> id = co_await broker.producer_ids.take(1);
  if (!id.has_value()) {
    response.error_code = KafkaError::kCoordinatorNotAvailable;
    co_return response;
  }
  response.producer_id = static_cast<int64_t>(*id);
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace thalweg::handlers
