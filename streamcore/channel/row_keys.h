// Keys of the log engine's metadata rows. Numbers are fixed-width hex, so that key order is number
// order.
//
//   channel/<id>                 channel_row_format.h
//   stream/<id>                  stream_row_format.h
//   segment/<stream>/<first>     segment/segment_row_format.h
//   object/<id>                  object_row_format.h, while PREPARED or COMMITTED
//   dying/<id>                   the same, once DELETING or DESTROYED
//   lost/<incarnation>           lost_replica_row_format.h
//   next/<name>                  id counters (metadata/id_allocator.h)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "streamcore/types.h"

namespace thalweg::channel {

std::string hex16(uint64_t n);
inline constexpr std::string_view kChannelRowPrefix = "channel/";
std::string channel_row_key(ChannelId id);
// The id in such a key.
ChannelId channel_of_row_key(std::string_view key);
inline constexpr std::string_view kLostReplicaRowPrefix = "lost/";
std::string lost_replica_row_key(uint64_t incarnation);
// The incarnation in such a key.
uint64_t lost_replica_of_row_key(std::string_view key);
inline constexpr std::string_view kStreamRowPrefix = "stream/";
std::string stream_row_key(StreamId id);
// The id in a stream row's key.
StreamId stream_of_row_key(std::string_view key);
inline constexpr std::string_view kObjectRowPrefix = "object/";
std::string object_row_key(ObjectId id);
inline constexpr std::string_view kDyingRowPrefix = "dying/";
std::string dying_row_key(ObjectId id);
// The id in the key of a row with this prefix.
ObjectId object_of_row_key(std::string_view key, std::string_view prefix);
inline constexpr std::string_view kSegmentRowPrefix = "segment/";
std::string segment_row_prefix(StreamId stream);
std::string segment_row_key(StreamId stream, Offset first);
// Rows that only the owner of the store writes, and reads more than once in a while.
std::vector<std::string> owner_row_prefixes();
inline constexpr std::string_view kNextObjectKey = "next/object";
inline constexpr std::string_view kNextStreamKey = "next/stream";

}  // namespace thalweg::channel
