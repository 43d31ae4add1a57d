// The check every request with a current_leader_epoch makes (KIP-320, B30).
#pragma once

#include <cstdint>

#include "kafka_protocol/wire/error_code.h"
#include "streamcore/types.h"

namespace thalweg::handlers {

// `asked` is what the client believes; -1 skips the check.
inline wire::KafkaError check_leader_epoch(int32_t asked, LeaderEpoch current) {
  if (asked < 0 || asked == current.value) return wire::KafkaError::kNone;
  return asked < current.value ? wire::KafkaError::kFencedLeaderEpoch
                               : wire::KafkaError::kUnknownLeaderEpoch;
}

}  // namespace thalweg::handlers
