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

}  // namespace thalweg
