// The metadata row of a channel: who owns it, and every epoch that is not yet drained (P9).
//
//   u8   version (3)
//   u8   state: 1 OPEN, 2 SEALING, 3 CLOSED
//   u8   storage class of its log (options.h)                   not in version 2
//   u64  epoch: the newest ever granted
//   u64  holder: nonce of the OPEN owner, or of the sealer while SEALING or CLOSED
//   u32  n, then n x { u64 incarnation }              of each replica of the newest epoch (P8)
//   u32  n, then n x { u64 epoch, u64 g, u64 end }   oldest first; end = 2^64-1 of an open epoch
//   u32  CRC32C of everything before
//
// g: chunks below it are in committed segments and may be deleted. An epoch leaves the list when g
// reaches end. A row of version 2 is that of the only channel there was; where its log lies was
// told by the command line alone.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/result.h"
#include "streamcore/options.h"
#include "streamcore/types.h"

namespace thalweg::channel {

enum class ChannelState : uint8_t { kOpen = 1, kSealing = 2, kClosed = 3 };

inline constexpr ChunkSeq kOpenEnd{std::numeric_limits<uint64_t>::max()};

struct UndrainedEpoch {
  ChannelEpoch epoch;
  ChunkSeq g;    // free watermark
  ChunkSeq end;  // kOpenEnd while the epoch is open
  friend bool operator==(const UndrainedEpoch&, const UndrainedEpoch&) = default;
};

struct ChannelRow {
  ChannelState state = ChannelState::kClosed;
  std::optional<StorageClass> storage_class;  // none: a row of version 2
  ChannelEpoch epoch;
  uint64_t holder = 0;
  std::vector<uint64_t> incarnations;
  std::vector<UndrainedEpoch> undrained;
  friend bool operator==(const ChannelRow&, const ChannelRow&) = default;
};

// It has a storage class.
std::string encode_channel_row(const ChannelRow& row);
base::Result<ChannelRow> decode_channel_row(std::string_view bytes);

}  // namespace thalweg::channel
