#include "streamcore/metadata/snapshot_format.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace thalweg::metadata {

namespace {

constexpr uint32_t kMagic = 0x4E534D54;  // "TMSN"
constexpr uint8_t kVersion = 2;
constexpr size_t kFixedHeaderBytes = 4 + 1 + 8;  // up to the position
constexpr size_t kCrcBytes = sizeof(uint32_t);
constexpr size_t kIncarnationBytesMin = 3 * 8 + 4;
constexpr size_t kRowBytesMin = 2 * 4;

void put_incarnation(base::ByteWriter& out, IncarnationId id, const IncarnationRow& row) {
  out.put(id.drawn_at).put(id.nonce).put(row.last_counter).put(row.last_slot.value);
  out.put(static_cast<uint32_t>(row.held.size()));
  for (size_t i = 0; i < row.held.size(); i += 8) {
    uint8_t bits = 0;
    for (size_t j = i; j < std::min(i + 8, row.held.size()); ++j) {
      if (row.held[j]) bits |= static_cast<uint8_t>(1 << (j - i));
    }
    out.put(bits);
  }
}

}  // namespace

std::optional<std::string> SnapshotEncoder::next(size_t bytes) {
  if (ended_) return std::nullopt;
  base::ByteWriter out;
  if (!started_) {
    started_ = true;
    out.put(kMagic).put(kVersion).put(position_.value);
    out.put(static_cast<uint64_t>(rows_.row_count()));
    out.put(static_cast<uint32_t>(rows_.incarnations().size()));
    for (const auto& [id, row] : rows_.incarnations()) put_incarnation(out, id, row);
  }
  ended_ = !rows_.next(bytes, [&out](std::string_view key, std::string_view value) {
    out.put_bytes(key).put_bytes(value);
  });
  std::string part = std::move(out).take();
  crc_ = base::crc32c(base::as_bytes(part), crc_);
  if (ended_) part.append(reinterpret_cast<const char*>(&crc_), kCrcBytes);
  return part;
}

void SnapshotVerifier::add(std::string_view part) {
  header_.append(part.substr(0, kFixedHeaderBytes - std::min(header_.size(), kFixedHeaderBytes)));
  // The CRC runs kCrcBytes behind the end: what comes last is the CRC itself.
  if (part.size() < kCrcBytes) {
    trailer_.append(part);
    const size_t covered = trailer_.size() - std::min(trailer_.size(), kCrcBytes);
    crc_ = base::crc32c(base::as_bytes(trailer_).first(covered), crc_);
    trailer_.erase(0, covered);
    return;
  }
  crc_ = base::crc32c(base::as_bytes(trailer_), crc_);
  crc_ = base::crc32c(base::as_bytes(part.substr(0, part.size() - kCrcBytes)), crc_);
  trailer_ = part.substr(part.size() - kCrcBytes);
}

base::Status SnapshotVerifier::finish(LogPosition position, std::string_view object) const {
  const auto corrupt = [object](const std::string& what) {
    return base::fail(base::ErrorCode::kCorrupt, std::string(object) + ": " + what);
  };
  if (trailer_.size() < kCrcBytes || header_.size() < kFixedHeaderBytes) {
    return corrupt("shorter than a header");
  }
  uint32_t expected = 0;
  std::memcpy(&expected, trailer_.data(), kCrcBytes);
  if (crc_ != expected) {
    return corrupt("CRC does not match, expected " + std::to_string(expected) + ", got " +
                   std::to_string(crc_));
  }
  base::ByteReader in(header_);
  if (const auto magic = in.get<uint32_t>(); magic != kMagic) {
    return corrupt("expected magic " + std::to_string(kMagic) + ", got " + std::to_string(magic));
  }
  if (const auto version = in.get<uint8_t>(); version == 0 || version > kVersion) {
    return base::fail(
        base::ErrorCode::kUnsupported,
        std::string(object) + ": expected version 1 or 2, got " + std::to_string(version));
  }
  if (const auto stored = in.get<uint64_t>(); stored != position.value) {
    return corrupt("expected position " + std::to_string(position.value) + ", got " +
                   std::to_string(stored));
  }
  return {};
}

SnapshotDecoder::SnapshotDecoder(std::string_view bytes, LogPosition position, std::string object,
                                 OrderedState& into)
    : bytes_(bytes),
      position_(position),
      object_(std::move(object)),
      into_(into),
      in_(bytes.substr(0, bytes.size() - std::min(bytes.size(), kCrcBytes))) {}

std::unexpected<base::Error> SnapshotDecoder::corrupt(const std::string& what) const {
  return base::fail(base::ErrorCode::kCorrupt, object_ + ": " + what);
}

base::Result<bool> SnapshotDecoder::step(size_t bytes) {
  if (stage_ == Stage::kCheck) {
    TRY(check(bytes));
    return false;
  }
  if (stage_ == Stage::kHeader) TRY(read_header());
  return read_rows(bytes);
}

base::Status SnapshotDecoder::check(size_t bytes) {
  const std::string_view part = bytes_.substr(checked_, bytes);
  verifier_.add(part);
  checked_ += part.size();
  if (checked_ < bytes_.size()) return {};
  stage_ = Stage::kHeader;
  return verifier_.finish(position_, object_);
}

base::Status SnapshotDecoder::read_header() {
  stage_ = Stage::kRows;
  in_.get<uint32_t>();
  snapshot_version_ = in_.get<uint8_t>();
  in_.get<uint64_t>();
  rows_left_ = in_.get<uint64_t>();
  const uint32_t incarnations = in_.get_count(kIncarnationBytesMin);
  for (uint32_t i = 0; i < incarnations && in_.ok(); ++i) read_incarnation();
  if (!in_.ok() || rows_left_ > bytes_.size() / kRowBytesMin) {
    return corrupt("counts do not match the length");
  }
  return {};
}

void SnapshotDecoder::read_incarnation() {
  const auto drawn_at = in_.get<uint64_t>();
  const auto nonce = in_.get<uint64_t>();
  IncarnationRow row{.last_counter = in_.get<uint64_t>(), .last_slot = position_, .held = {}};
  if (snapshot_version_ > 1) row.last_slot = LogPosition(in_.get<uint64_t>());
  const auto count = in_.get<uint32_t>();
  for (uint32_t i = 0; i < count && in_.ok(); i += 8) {
    const auto bits = in_.get<uint8_t>();
    for (uint32_t j = i; j < std::min(i + 8, count); ++j) {
      row.held.push_back(((bits >> (j - i)) & 1) != 0);
    }
  }
  into_.set_incarnation({drawn_at, nonce}, std::move(row));
}

base::Result<bool> SnapshotDecoder::read_rows(size_t bytes) {
  for (size_t read = 0; rows_left_ > 0 && read < bytes; --rows_left_) {
    std::string key(in_.get_bytes());
    std::string value(in_.get_bytes());
    read += kRowBytesMin + key.size() + value.size();
    if (!in_.ok()) return corrupt("a row is cut off");
    if (!into_.append_row(std::move(key), std::move(value))) return corrupt("keys out of order");
  }
  if (rows_left_ > 0) return false;
  if (!in_.at_end()) return corrupt("bytes after the last row");
  return true;
}

}  // namespace thalweg::metadata
