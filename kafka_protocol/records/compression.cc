#include "kafka_protocol/records/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace thalweg::records {

using base::ErrorCode;
using base::Result;
using Bytes = std::vector<std::byte>;

namespace {

constexpr size_t kStepBytes = 64u << 10;
constexpr size_t kXerialBlockBytes = 32u << 10;  // what snappy-java writes

// Magic of snappy-java's stream, then its version and lowest compatible version as i32.
constexpr std::array<unsigned char, 16> kXerialHeader = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                         0,    0,   0,   1,   0,   0,   0,   1};
constexpr size_t kXerialMagicBytes = 8;

std::unexpected<base::Error> corrupt(const char* what) {
  return base::fail(ErrorCode::kCorrupt, std::string("compressed records: ") + what);
}
std::unexpected<base::Error> too_large() {
  return base::fail(ErrorCode::kTooLarge, "compressed records: too large when decompressed");
}

// Output that grows by steps up to a bound: room() is free space to write to, took(n) keeps n bytes
// of it.
class BoundedOutput {
 public:
  explicit BoundedOutput(size_t bytes_max) : bytes_max_(bytes_max) {}

  // One byte more than the bound can be written, so that going past it is seen.
  base::MutableByteView room() {
    if (bytes_.size() - used_ < kStepBytes / 2) {
      bytes_.resize(std::min(bytes_max_ + 1, std::max(used_ + kStepBytes, used_ * 2)));
    }
    return base::MutableByteView(bytes_).subspan(used_);
  }
  void took(size_t n) { used_ += n; }
  bool full() const { return used_ > bytes_max_; }
  Bytes finish() && {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  size_t bytes_max_;
  size_t used_ = 0;
  Bytes bytes_;
};

Result<Bytes> gunzip(ByteView block, size_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return corrupt("zlib does not start");
  std::unique_ptr<z_stream, int (*)(z_stream*)> ending(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(block.data()));
  stream.avail_in = static_cast<uInt>(block.size());
  BoundedOutput out(bytes_max);
  while (true) {
    const auto room = out.room();
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int answer = inflate(&stream, Z_NO_FLUSH);
    out.took(room.size() - stream.avail_out);
    if (out.full()) return too_large();
    if (answer == Z_STREAM_END) {
      if (stream.avail_in == 0) return std::move(out).finish();
      if (inflateReset(&stream) != Z_OK) return corrupt("gzip");  // members may be concatenated
    } else if (answer != Z_OK) {
      return corrupt("gzip");
    }
  }
}

Result<Bytes> deflate_gzip(ByteView bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return corrupt("zlib does not start");
  }
  std::unique_ptr<z_stream, int (*)(z_stream*)> ending(&stream, deflateEnd);
  Bytes out(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return corrupt("gzip does not end");
  out.resize(stream.total_out);
  return out;
}

// Appends one raw snappy block to `out`. Snappy cannot expand more than 64 times, so a larger claim
// is a lie and nothing is allocated for it.
base::Status append_raw_snappy(ByteView block, size_t bytes_max, Bytes& out) {
  const auto* in = reinterpret_cast<const char*>(block.data());
  size_t length;
  if (!snappy::GetUncompressedLength(in, block.size(), &length)) return corrupt("snappy length");
  if (length > bytes_max - out.size()) return too_large();
  if (length > block.size() * 64) return corrupt("snappy length");
  const size_t at = out.size();
  out.resize(at + length);
  if (!snappy::RawUncompress(in, block.size(), reinterpret_cast<char*>(out.data() + at))) {
    return corrupt("snappy");
  }
  return {};
}

Result<Bytes> unsnappy(ByteView block, size_t bytes_max) {
  Bytes out;
  if (block.size() < kXerialHeader.size() ||
      std::memcmp(block.data(), kXerialHeader.data(), kXerialMagicBytes) != 0) {
    TRY(append_raw_snappy(block, bytes_max, out));
    return out;
  }
  block = block.subspan(kXerialHeader.size());
  while (!block.empty()) {
    if (block.size() < sizeof(int32_t)) return corrupt("xerial block cut off");
    const auto length = load_big_endian<uint32_t>(block.data());
    block = block.subspan(sizeof(int32_t));
    if (length > block.size()) return corrupt("xerial block cut off");
    TRY(append_raw_snappy(block.first(length), bytes_max, out));
    block = block.subspan(length);
  }
  return out;
}

Bytes snap(ByteView bytes) {
  Bytes out(kXerialHeader.size());
  std::memcpy(out.data(), kXerialHeader.data(), kXerialHeader.size());
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), kXerialBlockBytes));
    const size_t at = out.size();
    out.resize(at + sizeof(int32_t) + snappy::MaxCompressedLength(piece.size()));
    size_t length;
    snappy::RawCompress(reinterpret_cast<const char*>(piece.data()), piece.size(),
                        reinterpret_cast<char*>(out.data() + at + sizeof(int32_t)), &length);
    store_big_endian(static_cast<uint32_t>(length), out.data() + at);
    out.resize(at + sizeof(int32_t) + length);
    bytes = bytes.subspan(piece.size());
  }
  return out;
}

Result<Bytes> unlz4(ByteView block, size_t bytes_max) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) return corrupt("lz4");
  std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> context(
      raw, LZ4F_freeDecompressionContext);
  BoundedOutput out(bytes_max);
  while (true) {
    const auto room = out.room();
    size_t wrote = room.size();
    size_t read = block.size();
    const size_t hint =
        LZ4F_decompress(context.get(), room.data(), &wrote, block.data(), &read, nullptr);
    if (LZ4F_isError(hint)) return corrupt("lz4");
    out.took(wrote);
    block = block.subspan(read);
    if (out.full()) return too_large();
    if (hint == 0 && block.empty()) return std::move(out).finish();
    if (read == 0 && wrote == 0) return corrupt("lz4 cut off");
  }
}

Result<Bytes> lz4(ByteView bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Java clients read nothing else
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  Bytes out(LZ4F_compressFrameBound(bytes.size(), &preferences));
  const size_t wrote =
      LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(wrote)) return corrupt("lz4 does not end");
  out.resize(wrote);
  return out;
}

Result<Bytes> unzstd(ByteView block, size_t bytes_max) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_inBuffer in{.src = block.data(), .size = block.size(), .pos = 0};
  BoundedOutput out(bytes_max);
  while (true) {
    const auto room = out.room();
    ZSTD_outBuffer to{.dst = room.data(), .size = room.size(), .pos = 0};
    const size_t before = in.pos;
    const size_t hint = ZSTD_decompressStream(context.get(), &to, &in);
    if (ZSTD_isError(hint)) return corrupt("zstd");
    out.took(to.pos);
    if (out.full()) return too_large();
    if (hint == 0 && in.pos == in.size) return std::move(out).finish();
    if (in.pos == before && to.pos == 0) return corrupt("zstd cut off");
  }
}

Result<Bytes> zstd(ByteView bytes) {
  Bytes out(ZSTD_compressBound(bytes.size()));
  const size_t wrote =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(wrote)) return corrupt("zstd does not end");
  out.resize(wrote);
  return out;
}

}  // namespace

Result<Bytes> decompress(Compression type, ByteView block, size_t bytes_max) {
  switch (type) {
    case Compression::kNone:
      if (block.size() > bytes_max) return too_large();
      return Bytes(block.begin(), block.end());
    case Compression::kGzip: return gunzip(block, bytes_max);
    case Compression::kSnappy: return unsnappy(block, bytes_max);
    case Compression::kLz4: return unlz4(block, bytes_max);
    case Compression::kZstd: return unzstd(block, bytes_max);
  }
  return base::fail(ErrorCode::kUnsupported, "unknown compression type");
}

Result<Bytes> compress(Compression type, ByteView bytes) {
  switch (type) {
    case Compression::kNone: return Bytes(bytes.begin(), bytes.end());
    case Compression::kGzip: return deflate_gzip(bytes);
    case Compression::kSnappy: return snap(bytes);
    case Compression::kLz4: return lz4(bytes);
    case Compression::kZstd: return zstd(bytes);
  }
  return base::fail(ErrorCode::kUnsupported, "unknown compression type");
}

}  // namespace thalweg::records
