// The two metadata rows of a lease (lease.h). Both have one layout:
//
//   u8   version (1)
//   u8   state: 1 HELD, 2 RELEASED
//   u64  holder: the nonce of one process start
//   u64  counter: grows by one with each renewal
//   u32  milliseconds for which the holder trusts a renewal, so that who waits for it to stand
//        still need not have the same configuration
//   u32  n, then n bytes: who that is, for people
//   u32  CRC32C of everything before
//
//   owner/lease    changes with each renewal; only whether it changes tells that the holder lives
//   owner/grant    as the lease was when it was taken; changes with each new owner only, so that
//                  every transaction of an owner can be conditional on it
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "streamcore/base/result.h"

namespace thalweg::metadata {

inline constexpr std::string_view kLeaseKey = "owner/lease";
inline constexpr std::string_view kGrantKey = "owner/grant";

enum class LeaseState : uint8_t { kHeld = 1, kReleased = 2 };

struct LeaseRow {
  LeaseState state = LeaseState::kHeld;
  uint64_t holder = 0;
  uint64_t counter = 0;
  uint32_t length_ms = 0;
  std::string name;
  friend bool operator==(const LeaseRow&, const LeaseRow&) = default;
};

std::string encode_lease_row(const LeaseRow& row);
// kCorrupt; kUnsupported for an intact row of another version.
base::Result<LeaseRow> decode_lease_row(std::string_view bytes);

}  // namespace thalweg::metadata
