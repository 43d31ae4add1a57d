// A log file: chunks one after the other, in a file that is allocated once and used over and over.
//
//   log/<channel, 8 hex>/<number, 16 hex>.<floor epoch, 16 hex>.<floor seq, 16 hex>.log
//
//   0      chunk (chunk_format.h), a multiple of 4096 long
//   ...    chunk, right behind it
//   ...    whatever an older use of the file left there, or zeros
//
// There is no other header: what a file holds is told by its name and its chunks. The name changes
// with each use, by a rename that is durable before the first chunk is written. Its floor is the
// first (epoch, seq) that was not yet removed when the use began, so everything older uses left is
// below the floor, and everything this use writes is not. A chunk in the file is live if it carries
// the store's incarnation and the channel and is not below the floor.
//
// Walking a file: from 0, by the chunks' total lengths, until a block is not the header of a live
// chunk; then block by block to the file's end, for a live header further on, since a damaged chunk
// must not hide the ones behind it.
//
// A file that is being made has kUnpreparedSuffix behind its name, and gets rid of it by a rename
// once its size and its bytes are durable; one that still has it at a start is removed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "streamcore/chunk/chunk_format.h"
#include "streamcore/types.h"

namespace thalweg::chunk {

// A place in a channel's sequence of chunks.
struct ChunkPosition {
  ChannelEpoch epoch{};
  ChunkSeq seq{};

  friend auto operator<=>(const ChunkPosition&, const ChunkPosition&) = default;
};

struct LogFileName {
  uint64_t number = 0;  // grows with each use, never used again within the channel
  ChunkPosition floor{};

  friend bool operator==(const LogFileName&, const LogFileName&) = default;
};

std::string encode_log_file_name(const LogFileName& name);
// Nothing if this is not the name of a log file.
std::optional<LogFileName> decode_log_file_name(std::string_view text);

inline constexpr std::string_view kUnpreparedSuffix = ".new";

// "0000002a" for channel 42, and back.
std::string encode_channel_name(ChannelId channel);
std::optional<ChannelId> decode_channel_name(std::string_view text);

// What a chunk must carry to be live in a log file.
struct LogIdentity {
  uint64_t incarnation = 0;
  ChannelId channel{};
  ChunkPosition floor{};
};

// The header at the front of `block`, if it is that of a live chunk; otherwise why not (kCorrupt).
base::Result<ChunkHeader> decode_live_header(base::ByteView block, const LogIdentity& identity);

}  // namespace thalweg::chunk
