// The named limits of the log engine. Bytes and durations; every one has a default that suits one
// machine.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "streamcore/base/clock.h"
#include "streamcore/types.h"

namespace thalweg {

struct StreamStoreOptions {
  ChannelId channel{0};

  // The chunk log. A chunk is closed at its target size; an entry larger than that travels alone.
  uint64_t chunk_bytes_target = 4 << 20;
  uint64_t chunk_bytes_overlap_min = 256 << 10;  // smaller ones are not written beside another
  uint32_t chunk_window = 2;                     // W: chunks created but not yet acknowledged
  uint64_t unwritten_bytes_max = 64 << 20;       // sequenced, not yet handed to a replica
  uint64_t replica_lag_bytes_max = 64 << 20;  // of chunks that one replica of three may hold back
  uint32_t index_reads_max = 16;              // at a time, when a log is read back
  // Durable in the log, not yet in a segment; what a restart found is not counted.
  uint64_t outstanding_log_bytes_max = 384 << 20;
  uint64_t log_ready_bytes_min = 16 << 20;  // log space kept allocated ahead of appends
  uint32_t undrained_epochs_max = 16;       // past it, opening drains first

  // The memory tail: chunk buffers live readers are served from.
  uint64_t memory_tail_bytes_max = 256 << 20;

  // Offload runs at this many bytes, or when the oldest un-offloaded chunk is this old.
  uint64_t offload_bytes = 192 << 20;
  uint64_t offload_bytes_max = 256 << 20;  // taken by one run
  base::Timestamp offload_interval_ms = 10'000;
  uint64_t own_segment_bytes = 8 << 20;  // with fewer in a run a stream is packed with others
  uint64_t packed_segment_bytes_max = 64 << 20;
  // Small ranges a stream may have at its end before they are merged into a segment of its own. A
  // range that is packed but not small stays as it is: rewriting it would cost more than its row.
  uint64_t small_range_bytes = 1 << 20;
  uint32_t packed_ranges_max = 64;

  // Deleted objects are kept this long: longer than any read and any cache of metadata.
  base::Timestamp delete_grace_ms = 60'000;
  base::Timestamp destroyed_row_keep_ms = 24 * 3600 * 1000;

  bool is_small_range(uint64_t bytes) const {
    return bytes < std::min(small_range_bytes, own_segment_bytes);
  }

  uint64_t block_cache_bytes_max = 64 << 20;
  base::Timestamp idle_empty_chunk_ms = 1'000;  // idle this long: the final dw is written
};

}  // namespace thalweg
