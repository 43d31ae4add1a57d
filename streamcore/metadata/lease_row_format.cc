#include "streamcore/metadata/lease_row_format.h"

#include "streamcore/base/byte_codec.h"

namespace thalweg::metadata {

namespace {
constexpr uint8_t kVersion = 1;
}

std::string encode_lease_row(const LeaseRow& row) {
  base::ByteWriter out;
  out.put(kVersion).put(static_cast<uint8_t>(row.state)).put(row.holder).put(row.counter);
  out.put(row.length_ms).put_bytes(row.name);
  return std::move(out).seal();
}

base::Result<LeaseRow> decode_lease_row(std::string_view bytes) {
  base::ByteReader in(TRY(base::open_sealed(bytes, "lease row")));
  const auto version = in.get<uint8_t>();
  if (in.ok() && version != kVersion) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "lease row: version " + std::to_string(version));
  }
  const auto state = in.get<uint8_t>();
  LeaseRow row{.state = static_cast<LeaseState>(state),
               .holder = in.get<uint64_t>(),
               .counter = in.get<uint64_t>(),
               .length_ms = in.get<uint32_t>(),
               .name = std::string(in.get_bytes())};
  if (!in.at_end() || state < 1 || state > 2) {
    return base::fail(base::ErrorCode::kCorrupt, "lease row: impossible content");
  }
  return row;
}

}  // namespace thalweg::metadata
