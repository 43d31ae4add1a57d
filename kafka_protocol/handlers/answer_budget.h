// AnswerBudget: for handlers that say much about little that was asked. It bounds what an answer
// grows to while it is built, and tells when a long one must let others run. One per request.
#pragma once

#include <cstddef>
#include <string>

#include "kafka_protocol/wire/codec.h"
#include "streamcore/base/result.h"

namespace thalweg::handlers {

// Turns of the loop must stay short however much was asked.
inline constexpr size_t kElementsPerTurn = 500;

class AnswerBudget {
 public:
  explicit AnswerBudget(size_t bytes_max = wire::kResponseBytesMax) : bytes_max_(bytes_max) {}

  // Counts what was added to the answer. kTooLarge past the limit: the handler returns that, and
  // the connection is closed.
  base::Status take(size_t bytes) {
    bytes_ += bytes;
    if (bytes_ <= bytes_max_) return {};
    return base::fail(base::ErrorCode::kTooLarge,
                      "its answer takes more than " + std::to_string(bytes_max_) + " bytes");
  }
  // Called once per element: true when it is time to yield.
  bool turn_is_over() { return ++elements_ % kElementsPerTurn == 0; }

 private:
  size_t bytes_max_;
  size_t bytes_ = 0;
  size_t elements_ = 0;
};

}  // namespace thalweg::handlers
