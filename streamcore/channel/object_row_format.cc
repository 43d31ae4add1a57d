#include "streamcore/channel/object_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::channel {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_object_row(const ObjectRow& row) {
  base::ByteWriter out;
  out.put(kVersion).put(static_cast<uint8_t>(row.state)).put(row.live_ranges).put(row.since);
  return std::move(out).seal();
}

base::Result<ObjectRow> decode_object_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "object row")));
  const auto version = in.get<uint8_t>();
  if (version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "object row: version " + std::to_string(version));
  }
  ObjectRow row;
  const auto state = in.get<uint8_t>();
  row.state = static_cast<ObjectState>(state);
  row.live_ranges = in.get<uint32_t>();
  row.since = in.get<int64_t>();
  if (!in.at_end() || state < 1 || state > 4) {
    return base::fail(base::ErrorCode::kCorrupt, "object row: impossible content");
  }
  return row;
}

}  // namespace thalweg::channel
