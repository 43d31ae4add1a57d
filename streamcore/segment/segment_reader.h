// SegmentReader: entries of a stream out of segment objects, through the block cache.
//
// A read that misses fetches runs of neighbouring blocks with one ranged GET each; a read that goes
// on where another stopped also fetches runs ahead, in the background, with a window that grows as
// it is used up. The blocks of a run are slices of the GET's one buffer, and entries are slices of
// blocks: no byte is copied. The CRC of a block is verified once, when it comes in.
//
// Belongs to one executor. Its owner awaits stop_and_join() before it is destroyed; the executor,
// the store and the cache outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/base/task_group.h"
#include "streamcore/entry_ref.h"
#include "streamcore/object_store/object_store.h"
#include "streamcore/segment/block_cache.h"
#include "streamcore/segment/read_cursors.h"
#include "streamcore/segment/segment_row_format.h"
#include "streamcore/segment/stream_footer_format.h"

namespace thalweg::segment {

// A footer is read whole; a larger one than this is taken for damage.
inline constexpr uint64_t kFooterBytesMax = uint64_t{256} << 20;

struct ReaderOptions {
  // One ranged GET, but never more than a share of the cache: what three sequential reads have
  // ahead must stay until it is read.
  size_t get_bytes = size_t{4} << 20;
  // How many GETs a sequential read may be ahead; it begins with one and doubles each time a run
  // was used up.
  uint32_t gets_ahead_max = 4;
  // Bytes on their way for read-ahead, over all cursors. Past it, nothing is read ahead.
  size_t ahead_bytes_max = size_t{64} << 20;
  size_t footer_bytes_max = size_t{16} << 20;
  size_t cursors_max = 4096;
  // A GET that failed with kUnavailable is tried again after back-off, which doubles.
  uint32_t get_attempts_max = 4;
  base::Duration backoff_first = std::chrono::milliseconds(20);
};

class SegmentReader {
 public:
  struct Counts {
    uint64_t gets = 0;           // of blocks and footers, with retries
    uint64_t get_bytes = 0;      // asked for
    uint64_t ahead_runs = 0;     // runs fetched before anybody waited for them
    uint64_t ahead_skipped = 0;  // times ahead_bytes_max kept from reading ahead
  };

  SegmentReader(base::Executor& executor, object_store::ObjectStore& store, BlockCache& cache,
                ReaderOptions options);

  // Whole entries of the row's range, beginning with the one that contains or follows `from`, with
  // payloads of at most `max_bytes` in all, but at least one entry; none if no entry of the range
  // ends behind `from`. Errors: kNotFound (the object is gone: the row is old), kUnavailable (tried
  // several times), kCorrupt (names object, position, expected and got), kClosed. An error after
  // the first entry is left for the next read to find. `behind` is the range that follows, if there
  // is one: a sequential read is ahead beyond the end of its segment too.
  base::Task<base::Result<std::vector<EntryRef>>> read(
      SegmentRow row, Offset from, size_t max_bytes,
      std::optional<SegmentRow> behind = std::nullopt);
  // The first entry that ends behind `from` and whose largest timestamp is at least `timestamp`.
  // Errors as read().
  base::Task<base::Result<std::optional<EntryRef>>> find_timestamp(SegmentRow row,
                                                                   base::Timestamp timestamp,
                                                                   Offset from = Offset(0));
  // The annotation of the range, empty if it was built without. Errors as read().
  base::Task<base::Result<std::string>> annotation(SegmentRow row);
  base::Task<base::Result<StreamFooter>> footer(SegmentRow row);

  // Lets what is on its way end, and starts nothing more.
  base::Task<void> stop_and_join() { return group_.stop_and_join(); }
  const Counts& counts() const { return counts_; }
  const BlockCache& footers() const { return footers_; }

 private:
  // The range that one read is about; lives in the read's frame.
  struct Source {
    SegmentRow row;
    std::string key;
    StreamFooter footer;
  };

  base::Task<base::Result<Source>> source_of(SegmentRow row);
  base::Task<base::Result<base::Slice>> get(std::string key, object_store::ByteRange range);
  base::Task<base::Result<base::Slice>> get_footer(const std::string& key,
                                                   const StreamRange& range);
  base::Task<std::vector<base::Result<base::Slice>>> get_blocks(const std::string& key,
                                                                const std::vector<BlockEntry>& run);
  base::Task<void> fetch_footer(BlockCache::Fill fill, std::string key, StreamRange range);
  base::Task<void> fetch_run(BlockCache::Fill fill, SegmentRow row, std::vector<BlockEntry> run,
                             bool ahead);
  base::Task<void> begin_ahead(SegmentRow row, uint64_t bytes);
  std::vector<BlockEntry> missing_run(const Source& source, size_t first, uint64_t end) const;
  std::vector<BlockCache::Lookup> request(const Source& source, size_t first, uint64_t demand_end,
                                          uint64_t ahead_end);
  uint64_t ahead_end(const Source& source, uint64_t position, ReadCursor& cursor) const;
  uint64_t run_of(const Source& source, uint64_t position) const;

  object_store::ObjectStore& store_;
  BlockCache& cache_;
  ReaderOptions options_;
  BlockCache footers_;
  ReadCursors cursors_;
  size_t ahead_bytes_ = 0;
  Counts counts_;
  base::TaskGroup group_;  // last: its frames use the others
};

}  // namespace thalweg::segment
