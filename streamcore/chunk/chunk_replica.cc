#include "streamcore/chunk/chunk_replica.h"

#include <cinttypes>
#include <cstdio>

namespace thalweg::chunk {

std::string to_string(const ChunkKey& key) {
  char text[64];
  std::snprintf(text, sizeof text, "c/%" PRIx32 "/%016" PRIx64 "/%016" PRIx64 "%s",
                key.channel.value, key.epoch.value, key.seq.value, key.adopted ? ".a" : "");
  return text;
}

base::Status check_lies_in(const ChunkKey& key, const ChunkHeader& header) {
  const bool sealed_copy = key.adopted && header.kind == ChunkKind::kSeal;
  if (key_of(header, key.adopted) == key && !sealed_copy) return {};
  return base::fail(base::ErrorCode::kCorrupt,
                    "expected " + to_string(key) + ", got " + describe(header));
}

}  // namespace thalweg::chunk
