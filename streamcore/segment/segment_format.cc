#include "streamcore/segment/segment_format.h"

#include <charconv>
#include <cstdio>
#include <cstring>

#include "streamcore/base/crc32c.h"

namespace thalweg::segment {

namespace {

using base::ByteView;
using base::ErrorCode;
using base::fail;

constexpr uint64_t kHeaderMagic = 0x31474553574C4854;   // "THLWSEG1"
constexpr uint64_t kTrailerMagic = 0x31444E45574C4854;  // "THLWEND1"

struct HeaderLayout {
  uint64_t magic;
  uint8_t version;
  uint8_t zero[3];
  uint32_t crc;
};
static_assert(sizeof(HeaderLayout) == kSegmentHeaderBytes);

struct PlaceLayout {
  uint64_t stream;
  uint64_t position;
  uint64_t length;
};
static_assert(sizeof(PlaceLayout) == kFooterPlaceBytes);

struct EndLayout {
  uint64_t places_position;
  uint32_t count;
  uint8_t version;
  uint8_t zero[7];
  uint32_t crc;
  uint64_t magic;
};
static_assert(sizeof(EndLayout) == kTrailerEndBytes);
constexpr size_t kEndCrcAt = 20;
static_assert(offsetof(EndLayout, crc) == kEndCrcAt);

template <class Layout>
std::string_view raw(const Layout& layout) {
  return {reinterpret_cast<const char*>(&layout), sizeof(layout)};
}

std::string crc_text(uint32_t expected, uint32_t got) {
  return "expected CRC " + std::to_string(expected) + ", got " + std::to_string(got);
}

}  // namespace

std::string segment_key(ObjectId object) {
  char text[32];
  std::snprintf(text, sizeof(text), "segment/%020llu",
                static_cast<unsigned long long>(object.value));
  return text;
}

std::optional<ObjectId> object_of_key(std::string_view key) {
  if (!key.starts_with(kSegmentKeyPrefix)) return std::nullopt;
  uint64_t id = 0;
  std::from_chars(key.data() + kSegmentKeyPrefix.size(), key.data() + key.size(), id);
  if (segment_key(ObjectId(id)) != key) return std::nullopt;
  return ObjectId(id);
}

std::string encode_segment_header() {
  HeaderLayout layout{.magic = kHeaderMagic, .version = kSegmentVersion, .zero = {}, .crc = 0};
  layout.crc = base::crc32c(base::as_bytes(raw(layout).substr(0, offsetof(HeaderLayout, crc))));
  return std::string(raw(layout));
}

base::Status decode_segment_header(ByteView bytes) {
  if (bytes.size() < kSegmentHeaderBytes) {
    return fail(ErrorCode::kCorrupt, "segment header: cut off");
  }
  HeaderLayout layout;
  std::memcpy(&layout, bytes.data(), sizeof(layout));
  const uint32_t got = base::crc32c(bytes.first(offsetof(HeaderLayout, crc)));
  if (layout.magic != kHeaderMagic) return fail(ErrorCode::kCorrupt, "segment header: no magic");
  if (layout.crc != got) {
    return fail(ErrorCode::kCorrupt, "segment header: " + crc_text(layout.crc, got));
  }
  if (layout.version != kSegmentVersion) {
    return fail(ErrorCode::kUnsupported,
                "segment header: version " + std::to_string(layout.version));
  }
  return {};
}

std::string encode_segment_trailer(const std::vector<FooterPlace>& places, uint64_t position) {
  std::string out;
  out.reserve(places.size() * kFooterPlaceBytes + kTrailerEndBytes);
  for (const FooterPlace& place : places) {
    out += raw(PlaceLayout{
        .stream = place.stream.value, .position = place.position, .length = place.length});
  }
  EndLayout end{.places_position = position,
                .count = static_cast<uint32_t>(places.size()),
                .version = kSegmentVersion,
                .zero = {},
                .crc = 0,
                .magic = kTrailerMagic};
  out += raw(end).substr(0, kEndCrcAt);
  end.crc = base::crc32c(base::as_bytes(out));
  out += raw(end).substr(kEndCrcAt);
  return out;
}

base::Result<uint64_t> segment_trailer_bytes(ByteView end, uint64_t object_bytes) {
  if (end.size() != kTrailerEndBytes || object_bytes < kTrailerEndBytes) {
    return fail(ErrorCode::kCorrupt, "segment trailer: cut off");
  }
  EndLayout layout;
  std::memcpy(&layout, end.data(), sizeof(layout));
  const uint64_t length = uint64_t{layout.count} * kFooterPlaceBytes + kTrailerEndBytes;
  if (layout.magic != kTrailerMagic) return fail(ErrorCode::kCorrupt, "segment trailer: no magic");
  if (length > object_bytes) {
    return fail(ErrorCode::kCorrupt, "segment trailer: longer than the object");
  }
  return length;
}

base::Result<std::vector<FooterPlace>> decode_segment_trailer(ByteView trailer, uint64_t position) {
  if (trailer.size() < kTrailerEndBytes) {
    return fail(ErrorCode::kCorrupt, "segment trailer: cut off");
  }
  const ByteView last = trailer.last(kTrailerEndBytes);
  if (TRY(segment_trailer_bytes(last, trailer.size())) != trailer.size()) {
    return fail(ErrorCode::kCorrupt, "segment trailer: count does not match its length");
  }
  EndLayout end;
  std::memcpy(&end, last.data(), sizeof(end));
  const uint32_t got = base::crc32c(trailer.first(trailer.size() - kTrailerEndBytes + kEndCrcAt));
  if (end.crc != got) {
    return fail(ErrorCode::kCorrupt, "segment trailer: " + crc_text(end.crc, got));
  }
  if (end.version != kSegmentVersion) {
    return fail(ErrorCode::kUnsupported, "segment trailer: version " + std::to_string(end.version));
  }
  if (end.places_position != position) {
    return fail(ErrorCode::kCorrupt, "segment trailer: not where it says it is");
  }
  std::vector<FooterPlace> places(end.count);
  for (size_t i = 0; i < places.size(); ++i) {
    PlaceLayout layout;
    std::memcpy(&layout, trailer.data() + i * kFooterPlaceBytes, sizeof(layout));
    places[i] = {StreamId(layout.stream), layout.position, layout.length};
  }
  return places;
}

}  // namespace thalweg::segment
