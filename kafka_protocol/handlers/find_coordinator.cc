#include "kafka_protocol/handlers/find_coordinator.h"

#include <unordered_set>

#include "kafka_protocol/handlers/answer_budget.h"

namespace thalweg::handlers {

using wire::FindCoordinatorResponse;
using wire::KafkaError;

namespace {

constexpr int8_t kGroup = 0;
constexpr int8_t kTransaction = 1;

FindCoordinatorResponse::Coordinator look_up(Broker& broker, const Call& call, std::string_view key,
                                             int8_t key_type) {
  FindCoordinatorResponse::Coordinator answer;
  answer.key = key;
  answer.node_id = -1;
  answer.port = -1;
  if (key_type == kTransaction) {
    // Fatal to Java and librdkafka producers alike: nothing half works.
    answer.error_code = KafkaError::kTransactionalIdAuthorizationFailed;
    answer.error_message = "Transactions are not supported by this broker yet.";
  } else if (key_type != kGroup) {
    answer.error_code = KafkaError::kInvalidRequest;
    answer.error_message =
        "Coordinator key type " + std::to_string(key_type) + " is not supported.";
  } else {
    answer.node_id = broker.settings.node_id;
    answer.host = call.advertised().host;
    answer.port = call.advertised().port;
  }
  return answer;
}

}  // namespace

base::Task<base::Result<FindCoordinatorResponse>> find_coordinator(
    Broker& broker, const Call& call, const wire::FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  if (call.version() >= 4) {
    AnswerBudget budget;
    std::unordered_set<std::string_view> seen;
    for (const std::string_view key : request.coordinator_keys) {
      if (budget.turn_is_over()) co_await base::yield(broker.home);
      if (!seen.insert(key).second) continue;
      response.coordinators.push_back(look_up(broker, call, key, request.key_type));
      CO_TRY(budget.take(sizeof(FindCoordinatorResponse::Coordinator) + key.size()));
    }
    co_return response;
  }
  FindCoordinatorResponse::Coordinator only = look_up(broker, call, request.key, request.key_type);
  response.error_code = only.error_code;
  response.error_message = std::move(only.error_message);
  response.node_id = only.node_id;
  response.host = std::move(only.host);
  response.port = only.port;
  co_return response;
}

}  // namespace thalweg::handlers
