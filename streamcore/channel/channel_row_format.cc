#include "streamcore/channel/channel_row_format.h"

#include "streamcore/base/byte_codec.h"
#include "streamcore/base/check.h"

namespace thalweg::channel {

namespace {
constexpr uint8_t kVersion = 3;
constexpr uint8_t kVersionWithoutClass = 2;

bool is_storage_class(uint8_t value) {
  return to_string(static_cast<StorageClass>(value)) != "unknown";
}
}  // namespace

std::string encode_channel_row(const ChannelRow& row) {
  base::ByteWriter out;
  CHECK(row.storage_class.has_value());
  out.put(kVersion).put(static_cast<uint8_t>(row.state));
  out.put(static_cast<uint8_t>(*row.storage_class)).put(row.epoch.value).put(row.holder);
  out.put(static_cast<uint32_t>(row.incarnations.size()));
  for (const uint64_t incarnation : row.incarnations) out.put(incarnation);
  out.put(static_cast<uint32_t>(row.undrained.size()));
  for (const UndrainedEpoch& epoch : row.undrained) {
    out.put(epoch.epoch.value).put(epoch.g.value).put(epoch.end.value);
  }
  return std::move(out).seal();
}

base::Result<ChannelRow> decode_channel_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "channel row")));
  const auto version = in.get<uint8_t>();
  if (version != kVersion && version != kVersionWithoutClass) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "channel row: version " + std::to_string(version));
  }
  ChannelRow row;
  const auto state = in.get<uint8_t>();
  row.state = static_cast<ChannelState>(state);
  const auto storage_class = version == kVersion ? in.get<uint8_t>() : uint8_t{0};
  if (version == kVersion) row.storage_class = static_cast<StorageClass>(storage_class);
  row.epoch = ChannelEpoch(in.get<uint64_t>());
  row.holder = in.get<uint64_t>();
  const uint32_t replicas = in.get_count(8);
  for (uint32_t i = 0; i < replicas; ++i) row.incarnations.push_back(in.get<uint64_t>());
  const uint32_t count = in.get_count(24);
  for (uint32_t i = 0; i < count; ++i) {
    row.undrained.push_back({.epoch = ChannelEpoch(in.get<uint64_t>()),
                             .g = ChunkSeq(in.get<uint64_t>()),
                             .end = ChunkSeq(in.get<uint64_t>())});
  }
  const bool known_class = version != kVersion || is_storage_class(storage_class);
  if (!in.at_end() || state < 1 || state > 3 || !known_class) {
    return base::fail(base::ErrorCode::kCorrupt, "channel row: impossible content");
  }
  return row;
}

}  // namespace thalweg::channel
