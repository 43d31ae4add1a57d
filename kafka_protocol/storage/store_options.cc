#include "kafka_protocol/storage/store_options.h"

#include "kafka_protocol/topics/topic_config.h"
#include "streamcore/chunk/chunk_format.h"

namespace thalweg::storage {

StreamStoreOptions store_options(const server::Config& config) {
  StreamStoreOptions options;
  const auto bytes = [&](std::string_view key) {
    return static_cast<uint64_t>(config.get_int(key));
  };
  options.default_class = storage_class_of(config.get_string(topics::kStorageClassConfig));
  options.chunk_bytes_target =
      base::align_up(bytes("thalweg.chunk.target.bytes"), chunk::kChunkAlignment);
  if (!config.get_string("thalweg.store").empty()) use_distant_segments(options);
  options.outstanding_log_bytes_max = bytes("thalweg.log.outstanding.max.bytes");
  options.memory_tail_bytes_max = bytes("thalweg.memory.tail.bytes");
  options.touch_memory_ahead = true;
  options.block_cache_bytes_max = bytes("thalweg.block.cache.bytes");
  options.offload_bytes = bytes("thalweg.offload.bytes");
  options.offload_interval_ms = config.get_int("thalweg.offload.interval.ms");
  return options;
}

}  // namespace thalweg::storage
