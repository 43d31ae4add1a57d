// The words of the log engine as types. See README.md for what each means.
#pragma once

#include <cstdint>

#include "streamcore/base/strong_id.h"

namespace thalweg {

using StreamId = base::StrongId<struct StreamIdTag>;  // never re-used
using Offset = base::StrongId<struct OffsetTag>;      // position in a stream, dense when appended
using ChannelId = base::StrongId<struct ChannelIdTag, uint32_t>;
using ChannelEpoch =
    base::StrongId<struct ChannelEpochTag>;  // one grant of a channel; never re-used, first is 1
using ChunkSeq = base::StrongId<struct ChunkSeqTag>;  // dense within (channel, epoch), from 0
using LeaderEpoch = base::StrongId<struct LeaderEpochTag, int32_t>;  // of a stream; never goes back
using ObjectId =
    base::StrongId<struct ObjectIdTag>;  // of a segment; given out by metadata, never re-used

}  // namespace thalweg
