// The named limits of the log engine. Bytes and durations; every one has a default that suits one
// machine.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/types.h"

namespace thalweg {

// What a channel's log is put into. The figures that differ are chosen by use_storage_class(). The
// values are persisted.
enum class StorageClass : uint8_t {
  kLocal = 1,     // a disk: a put takes a millisecond and costs nothing
  kStandard = 2,  // a regional bucket: hundreds of milliseconds, paid by the put
  kExpress = 3,   // a zonal bucket: tens of milliseconds, paid by the put and by the byte
};

constexpr std::string_view to_string(StorageClass storage_class) {
  switch (storage_class) {
    case StorageClass::kLocal: return "local";
    case StorageClass::kStandard: return "standard";
    case StorageClass::kExpress: return "express";
  }
  return "unknown";
}
constexpr std::optional<StorageClass> storage_class_of(std::string_view name) {
  for (const auto one : {StorageClass::kLocal, StorageClass::kStandard, StorageClass::kExpress}) {
    if (name == to_string(one)) return one;
  }
  return std::nullopt;
}

struct StreamStoreOptions {
  // Of streams that are created without one. None: that of the store's first channel.
  std::optional<StorageClass> default_class = std::nullopt;
  // Of one channel; the store sets them for each of its own.
  ChannelId channel{0};
  StorageClass storage_class = StorageClass::kLocal;

  // The chunk log. A chunk is closed at its target size; an entry larger than that travels alone.
  uint64_t chunk_bytes_target = 4 << 20;
  uint64_t chunk_bytes_overlap_min = 256 << 10;  // smaller ones are not written beside another
  uint32_t chunk_window = 2;                     // W: chunks created but not yet acknowledged
  // A chunk that is not full goes when nothing came for the shorter time (twice that once it is a
  // quarter full), or its oldest entry is as old as the longer one. Zero: when a write slot is
  // free.
  base::Duration chunk_linger_min{0};
  base::Duration chunk_linger_max{0};
  uint64_t unwritten_bytes_max = 64 << 20;    // sequenced, not yet handed to a replica
  uint64_t replica_lag_bytes_max = 64 << 20;  // of chunks that one replica of three may hold back
  uint32_t index_reads_max = 16;              // at a time, when a log is read back
  // Durable in one channel's log, not yet in a segment; what a restart found is not counted.
  uint64_t outstanding_log_bytes_max = 384 << 20;
  uint64_t log_ready_bytes_min = 16 << 20;  // log space kept allocated ahead of appends
  uint32_t undrained_epochs_max = 16;       // past it, opening drains first

  // The memory tail: chunk buffers live readers are served from, of all channels.
  uint64_t memory_tail_bytes_max = 256 << 20;
  bool touch_memory_ahead = false;  // by a thread, before appends need it

  // Offload runs at this many bytes, or when the oldest un-offloaded chunk is this old.
  uint64_t offload_bytes = 192 << 20;
  uint64_t offload_bytes_max = 256 << 20;  // taken by one run
  base::Timestamp offload_interval_ms = 10'000;
  uint64_t own_segment_bytes = 8 << 20;  // with fewer in a run a stream is packed with others
  uint64_t segment_bytes_target = 64 << 20;
  // Small ranges a stream may have at its end before they are merged into a segment of its own. A
  // range that is packed but not small stays as it is: rewriting it would cost more than its row.
  uint64_t small_range_bytes = 1 << 20;
  uint32_t packed_ranges_max = 64;

  // Deleted objects are kept this long: longer than any read and any cache of metadata.
  base::Timestamp delete_grace_ms = 60'000;
  base::Timestamp destroyed_row_keep_ms = 24 * 3600 * 1000;

  bool chunks_wait() const { return chunk_linger_max > base::Duration(0); }
  bool is_small_range(uint64_t bytes) const {
    return bytes < std::min(small_range_bytes, own_segment_bytes);
  }

  uint64_t block_cache_bytes_max = 64 << 20;
  uint32_t read_gets_ahead_max = 4;             // of 4 MiB, by which a sequential read is ahead
  base::Timestamp idle_empty_chunk_ms = 1'000;  // idle this long: the final dw is written
};

// Little's law: how many chunks must be under way for this rate if a put takes that long.
constexpr uint32_t chunk_window_for(uint64_t bytes_per_second, base::Duration put,
                                    uint64_t chunk_bytes) {
  const uint64_t under_way =
      bytes_per_second * static_cast<uint64_t>(put.count()) / uint64_t{1'000'000'000};
  const uint64_t chunks = (under_way + chunk_bytes - 1) / chunk_bytes;
  return static_cast<uint32_t>(chunks < 2 ? 2 : chunks);
}

// One channel is to take this much. The times are what a put takes at worst, but for the slowest in
// a hundred.
inline constexpr uint64_t kChannelBytesPerSecond = 200 << 20;
inline constexpr base::Duration kExpressPut = std::chrono::milliseconds(40);
inline constexpr base::Duration kStandardPut = std::chrono::milliseconds(400);

// Local keeps what the options say.
constexpr void use_storage_class(StreamStoreOptions& options, StorageClass storage_class) {
  using std::chrono::milliseconds;
  options.storage_class = storage_class;
  if (storage_class == StorageClass::kLocal) return;
  const bool express = storage_class == StorageClass::kExpress;
  options.chunk_bytes_target = express ? 512 << 10 : 4 << 20;
  options.chunk_linger_min = milliseconds(express ? 5 : 50);
  options.chunk_linger_max = milliseconds(express ? 20 : 250);
  options.chunk_window = chunk_window_for(
      kChannelBytesPerSecond, express ? kExpressPut : kStandardPut, options.chunk_bytes_target);
  options.index_reads_max = 64;
}

// Segments in a bucket: 800 MiB/s, by GETs that take 60 ms.
constexpr void use_distant_segments(StreamStoreOptions& options) {
  options.read_gets_ahead_max = 12;
}

}  // namespace thalweg
