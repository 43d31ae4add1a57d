// InitProducerId (key 22): a producer id, and for transactions a new epoch that fences the old one.
// v2 flexible. v3 the producer's own id and epoch, to bump (KIP-360). v4 PRODUCER_FENCED. v5
// transactions part 2 (KIP-890). v6 is two-phase commit (KIP-939), unstable and not served.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "kafka_protocol/wire/error_code.h"
#include "kafka_protocol/wire/version_range.h"

namespace thalweg::wire {

struct InitProducerIdRequest {
  static constexpr Api api{.key = 22, .valid = {0, 5}, .flexible = since(2)};

  std::optional<std::string_view> transactional_id{};
  int32_t transaction_timeout_ms = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;

  static void fields(auto& m, auto& v) {
    v(m.transactional_id, nullable());
    v(m.transaction_timeout_ms);
    v(m.producer_id, since(3));
    v(m.producer_epoch, since(3));
  }
};

struct InitProducerIdResponse {
  static constexpr Api api = InitProducerIdRequest::api;

  int32_t throttle_time_ms = 0;
  KafkaError error_code = KafkaError::kNone;
  int64_t producer_id = -1;
  int16_t producer_epoch = 0;

  static void fields(auto& m, auto& v) {
    v(m.throttle_time_ms);
    v(m.error_code);
    v(m.producer_id);
    v(m.producer_epoch);
  }
};

}  // namespace thalweg::wire
