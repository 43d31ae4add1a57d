// SegmentMerger: turns the many small ranges at a stream's end into one segment of its own, over
// the same offsets, so that a slow stream's rows and reads stay bounded (DESIGN §5).
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
  SegmentMerger(Offloader::Parts parts, Offloader& offloader)
      : parts_(std::move(parts)), offloader_(offloader) {}

  // Merges the stream's trailing small ranges, if there are at least two.
  base::Task<base::Status> merge(StreamId stream);

 private:
  using Rows = std::vector<segment::SegmentRow>;

  Rows trailing_small_rows(const StreamState& stream) const;
  base::Task<base::Result<std::vector<EntryRef>>> read(const Rows& rows);
  base::Task<base::Status> swap(StreamState& stream, const Rows& old, ObjectId object,
                                segment::StreamRange range);

  Offloader::Parts parts_;
  Offloader& offloader_;
};

}  // namespace thalweg::channel
