#include "streamcore/chunk/seal_file_format.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace thalweg::chunk {
namespace {

base::Result<ChunkHeader> decode_record(base::ByteView record, uint64_t incarnation,
                                        ChannelId channel) {
  const ChunkHeader header = TRY(decode_header(record));
  const base::ByteView rest = record.subspan(kChunkHeaderBytes);
  const bool zeros = std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; });
  if (zeros && header.kind == ChunkKind::kSeal && header.incarnation == incarnation &&
      header.channel == channel) {
    return header;
  }
  return base::fail(base::ErrorCode::kCorrupt, "not a SEAL of this log: " + describe(header));
}

}  // namespace

base::Buffer encode_seal_record(const ChunkIds& ids) {
  const base::Buffer seal = encode_seal(ids);
  base::Buffer record = base::Buffer::allocate(kSealRecordBytes);
  std::memset(record.data(), 0, kSealRecordBytes);
  std::memcpy(record.data(), seal.data(), kChunkHeaderBytes);
  return record;
}

base::Result<std::vector<ChunkHeader>> decode_seal_file(base::ByteView file, uint64_t incarnation,
                                                        ChannelId channel) {
  std::vector<ChunkHeader> seals;
  std::string bad;
  size_t bad_position = 0;
  for (size_t at = 0; at + kSealRecordBytes <= file.size(); at += kSealRecordBytes) {
    const auto header = decode_record(file.subspan(at, kSealRecordBytes), incarnation, channel);
    if (!header) {
      if (header.error().code == base::ErrorCode::kUnsupported) {
        return base::fail(base::ErrorCode::kUnsupported,
                          "seals: record at " + std::to_string(at) + ": " + header.error().message);
      }
      if (bad.empty()) {
        bad = header.error().message;
        bad_position = at;
      }
      continue;
    }
    if (!bad.empty()) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "seals: record at " + std::to_string(bad_position) + ": " + bad +
                            ", but a valid one at " + std::to_string(at));
    }
    seals.push_back(*header);
  }
  return seals;
}

}  // namespace thalweg::chunk
