#include "streamcore/channel/lost_replica_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::channel {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_lost_replica_row(const LostReplicaRow& row) {
  base::ByteWriter out;
  out.put(kVersion).put(row.successor);
  return std::move(out).seal();
}

base::Result<LostReplicaRow> decode_lost_replica_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "lost replica row")));
  const auto version = in.get<uint8_t>();
  if (version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "lost replica row: version " + std::to_string(version));
  }
  const LostReplicaRow row{.successor = in.get<uint64_t>()};
  if (!in.at_end() || row.successor == 0) {
    return base::fail(base::ErrorCode::kCorrupt, "lost replica row: impossible content");
  }
  return row;
}

}  // namespace thalweg::channel
