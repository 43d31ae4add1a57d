// The words of the log engine as types. See README.md for what each means.
#pragma once

#include <cstdint>

#include "streamcore/base/strong_id.h"

namespace thalweg {

// Given out by metadata, never re-used.
using StreamId = base::StrongId<struct StreamIdTag>;
// Position in a stream, dense when appended.
using Offset = base::StrongId<struct OffsetTag>;
using ChannelId = base::StrongId<struct ChannelIdTag, uint32_t>;
// One grant of a channel; never re-used, the first is 1.
using ChannelEpoch = base::StrongId<struct ChannelEpochTag>;
// Dense within (channel, epoch), from 0.
using ChunkSeq = base::StrongId<struct ChunkSeqTag>;
// Of a stream; never goes back.
using LeaderEpoch = base::StrongId<struct LeaderEpochTag, int32_t>;
// Of a segment; given out by metadata, never re-used.
using ObjectId = base::StrongId<struct ObjectIdTag>;

// The channel a stream was created on is the upper part of its id, above a number that no other
// stream has. So it is known without a row, for the million streams that were never written to too.
inline constexpr unsigned kStreamNumberBits = 48;
constexpr ChannelId channel_of(StreamId stream) {
  return ChannelId(static_cast<uint32_t>(stream.value >> kStreamNumberBits));
}
constexpr StreamId stream_on(ChannelId channel, uint64_t number) {
  return StreamId(uint64_t{channel.value} << kStreamNumberBits | number);
}

}  // namespace thalweg
