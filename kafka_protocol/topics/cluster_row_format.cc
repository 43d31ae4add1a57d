#include "kafka_protocol/topics/cluster_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::topics {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_cluster_row(std::string_view id) {
  base::ByteWriter out;
  out.put(kVersion).put_bytes(id);
  return std::move(out).seal();
}

base::Result<std::string> decode_cluster_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "cluster row")));
  const auto version = in.get<uint8_t>();
  if (in.ok() && version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "cluster row: version " + std::to_string(version));
  }
  std::string id(in.get_bytes());
  if (!in.at_end() || id.empty()) {
    return base::fail(base::ErrorCode::kCorrupt, "cluster row: impossible content");
  }
  return id;
}

}  // namespace thalweg::topics
