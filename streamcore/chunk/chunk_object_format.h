// Where the registers of a replica lie in an object store.
//
//   c/incarnation                                   the marker (incarnation_format.h)
//   c/<incarnation>/<channel>/<epoch>/<seq>         a chunk or a SEAL, byte for byte
//   c/<incarnation>/<channel>/<epoch>/<seq>.a       the copy that a recovery adopted (P10)
//
// Numbers are lower-case hexadecimal: the channel 8 digits, the others 16. So keys sort as the
// registers do, an epoch is one prefix, and what was sent to an earlier life of the store never
// lies where the present one looks (P8). A SEAL is told from a chunk by its size alone: 256 bytes
// against a multiple of 4096.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "streamcore/chunk/chunk_replica.h"

namespace thalweg::chunk {

inline constexpr std::string_view kIncarnationObjectKey = "c/incarnation";
// Of everything but the marker of any incarnation, too.
inline constexpr std::string_view kChunkObjectPrefix = "c/";

// Prefixes of a channel's and of an epoch's registers; both end in a slash.
std::string chunk_object_prefix(uint64_t incarnation, ChannelId channel);
std::string chunk_object_prefix(uint64_t incarnation, ChannelId channel, ChannelEpoch epoch);
std::string encode_chunk_object_key(uint64_t incarnation, const ChunkKey& key);
// Sorts after every register of the epoch below `seq`, and before all others.
std::string chunk_object_bound(uint64_t incarnation, ChannelId channel, ChannelEpoch epoch,
                               ChunkSeq seq);

// Sorts after every register of the incarnation, and before those of greater ones.
std::string chunk_object_end(uint64_t incarnation);

struct ChunkObjectName {
  uint64_t incarnation = 0;
  ChunkKey key{};
  friend bool operator==(const ChunkObjectName&, const ChunkObjectName&) = default;
};

// Nothing for a key of another form.
std::optional<ChunkObjectName> decode_chunk_object_key(std::string_view text);

}  // namespace thalweg::chunk
