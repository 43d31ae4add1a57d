#include "streamcore/channel/stream_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::channel {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_stream_row(const StreamRow& row) {
  base::ByteWriter out;
  out.put(kVersion).put(row.committed_end.value).put(row.trim_point.value);
  out.put(row.annotation.object.value)
      .put(row.annotation.footer_position)
      .put(row.annotation.footer_length)
      .put(row.annotation.first.value);
  out.put(row.link.channel.value)
      .put(row.link.first_epoch.value)
      .put(row.link.start.value)
      .put(row.link.leader_epoch_at_start.value);
  out.put(row.packed_ranges).put_bytes(row.fencing_token);
  return std::move(out).seal();
}

base::Result<StreamRow> decode_stream_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "stream row")));
  const auto version = in.get<uint8_t>();
  if (version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "stream row: version " + std::to_string(version));
  }
  StreamRow row;
  row.committed_end = Offset(in.get<uint64_t>());
  row.trim_point = Offset(in.get<uint64_t>());
  row.annotation.object = ObjectId(in.get<uint64_t>());
  row.annotation.footer_position = in.get<uint64_t>();
  row.annotation.footer_length = in.get<uint64_t>();
  row.annotation.first = Offset(in.get<uint64_t>());
  row.link.channel = ChannelId(in.get<uint32_t>());
  row.link.first_epoch = ChannelEpoch(in.get<uint64_t>());
  row.link.start = Offset(in.get<uint64_t>());
  row.link.leader_epoch_at_start = LeaderEpoch(in.get<int32_t>());
  row.packed_ranges = in.get<uint32_t>();
  row.fencing_token = in.get_bytes();
  if (!in.at_end()) return base::fail(base::ErrorCode::kCorrupt, "stream row: wrong length");
  return row;
}

}  // namespace thalweg::channel
