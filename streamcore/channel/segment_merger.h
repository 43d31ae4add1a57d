// SegmentMerger: turns many small ranges of a stream that follow each other into one segment of its
// own, over the same offsets, so that a slow stream's rows and reads stay bounded.
//
// Runs between offloads, never beside one. The swap is one transaction, conditional on the channel
// row (P6), the stream row and every row it replaces; old objects lose their references and go
// after the grace.
#pragma once

#include <vector>

#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/offloader.h"
#include "streamcore/channel/segment_objects.h"
#include "streamcore/segment/segment_builder.h"
#include "streamcore/segment/segment_reader.h"

namespace thalweg::channel {

class SegmentMerger {
 public:
  explicit SegmentMerger(Offloader::Parts parts) : parts_(std::move(parts)) {}

  // Merges each run of at least two small ranges, wherever it lies.
  base::Task<base::Status> merge(StreamId stream);

 private:
  using Rows = std::vector<segment::SegmentRow>;

  std::vector<Rows> small_runs(const StreamState& stream) const;
  base::Task<base::Status> merge_run(StreamState& stream, Rows old);
  base::Task<base::Result<std::vector<EntryRef>>> read(const Rows& rows);
  base::Task<base::Result<segment::BuiltSegment>> build(StreamId stream, const Rows& old);
  // Commits the merged range in place of `old`; false if a trim or a deletion came first.
  base::Task<base::Result<bool>> swap(StreamState& stream, const Rows& old,
                                      const segment::SegmentRow& merged, bool& in_doubt);
  base::Task<base::Status> mark_merged(StreamState& stream);

  Offloader::Parts parts_;
};

}  // namespace thalweg::channel
