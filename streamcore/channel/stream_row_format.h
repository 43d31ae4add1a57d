// The metadata row of a stream; it appears with the stream's first append and goes with its
// deletion.
//
//   u8   version (1)
//   u64  committed end: entries below it are in committed segments
//   u64  trim point: first offset still readable
//   u64  annotation: object id (2^64-1 = none), u64 footer position, u64 footer length,
//        u64 first offset of its range (which ends at the committed end)
//   u32  link: channel id, u64 first epoch, u64 start offset, i32 leader epoch at start
//   u32  packed ranges since the last merge, whatever lies between them
//   bytes fencing token
//   u32  CRC32C of everything before
//
// The link is the last of the stream's chain: earlier ones are fully offloaded, nothing refers to
// them any more.
#pragma once

#include <limits>
#include <string>

#include "streamcore/base/result.h"
#include "streamcore/types.h"

namespace thalweg::channel {

inline constexpr ObjectId kNoObject{std::numeric_limits<uint64_t>::max()};

// Where a stream's newest annotation is: in the footer of its range in a segment.
struct AnnotationPlace {
  ObjectId object = kNoObject;
  uint64_t footer_position = 0;
  uint64_t footer_length = 0;
  Offset first{};  // of the range it belongs to, which ends at the committed end
  friend bool operator==(const AnnotationPlace&, const AnnotationPlace&) = default;
};

struct StreamLink {
  ChannelId channel;
  ChannelEpoch first_epoch;
  Offset start;
  LeaderEpoch leader_epoch_at_start;
  // leader epoch at link start + (channel epoch - first epoch of the link)
  LeaderEpoch leader_epoch(ChannelEpoch epoch) const {
    return leader_epoch_at_start + static_cast<int32_t>(epoch - first_epoch);
  }
  friend bool operator==(const StreamLink&, const StreamLink&) = default;
};

// Streams whose first append is in an epoch start with it as their leader epoch: it then needs no
// row to be known, and stays ahead of every epoch the channel had before.
inline LeaderEpoch first_leader_epoch(ChannelEpoch epoch) {
  return LeaderEpoch(static_cast<int32_t>(epoch.value));
}

struct StreamRow {
  Offset committed_end;
  Offset trim_point;
  AnnotationPlace annotation;
  StreamLink link;
  uint32_t packed_ranges = 0;  // added since the last merge
  std::string fencing_token;
  friend bool operator==(const StreamRow&, const StreamRow&) = default;
};

std::string encode_stream_row(const StreamRow& row);
base::Result<StreamRow> decode_stream_row(std::string_view bytes);

}  // namespace thalweg::channel
