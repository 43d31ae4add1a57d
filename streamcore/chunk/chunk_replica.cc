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

}  // namespace thalweg::chunk
