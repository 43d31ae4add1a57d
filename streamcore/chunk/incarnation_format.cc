#include "streamcore/chunk/incarnation_format.h"

#include <cstring>

#include "streamcore/base/crc32c.h"

namespace thalweg::chunk {
namespace {

constexpr uint32_t kMagic = 0x4E495754;  // "TWIN"
constexpr uint32_t kVersion = 1;

struct Layout {
  uint32_t magic;
  uint32_t version;
  uint64_t incarnation;
  uint32_t zero;
  uint32_t crc;
};
static_assert(sizeof(Layout) == kIncarnationBytes);

uint32_t crc_of(const Layout& layout) {
  return base::crc32c({reinterpret_cast<const std::byte*>(&layout), offsetof(Layout, crc)});
}

}  // namespace

std::string encode_incarnation(uint64_t incarnation) {
  Layout layout{
      .magic = kMagic, .version = kVersion, .incarnation = incarnation, .zero = 0, .crc = 0};
  layout.crc = crc_of(layout);
  std::string bytes(sizeof layout, '\0');
  std::memcpy(bytes.data(), &layout, sizeof layout);
  return bytes;
}

base::Result<uint64_t> decode_incarnation(base::ByteView bytes) {
  using base::ErrorCode;
  if (bytes.size() != kIncarnationBytes) {
    return base::fail(ErrorCode::kCorrupt,
                      "incarnation marker: expected 24 bytes, got " + std::to_string(bytes.size()));
  }
  Layout layout;
  std::memcpy(&layout, bytes.data(), sizeof layout);
  if (layout.magic != kMagic || layout.crc != crc_of(layout)) {
    return base::fail(ErrorCode::kCorrupt, "incarnation marker: CRC does not match");
  }
  if (layout.version != kVersion) {
    return base::fail(
        ErrorCode::kUnsupported,
        "incarnation marker: version " + std::to_string(layout.version) + " is not known");
  }
  if (layout.zero != 0 || layout.incarnation == 0) {
    return base::fail(ErrorCode::kCorrupt, "incarnation marker: fields contradict each other");
  }
  return layout.incarnation;
}

}  // namespace thalweg::chunk
