#include "streamcore/metadata/counter_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::metadata {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_counter_row(uint64_t next) {
  base::ByteWriter out;
  out.put(kVersion).put(next);
  return std::move(out).seal();
}

base::Result<uint64_t> decode_counter_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "counter row")));
  const auto version = in.get<uint8_t>();
  if (in.ok() && version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "counter row: version " + std::to_string(version));
  }
  const auto next = in.get<uint64_t>();
  if (!in.at_end() || next == 0) {
    return base::fail(base::ErrorCode::kCorrupt, "counter row: impossible content");
  }
  return next;
}

}  // namespace thalweg::metadata
