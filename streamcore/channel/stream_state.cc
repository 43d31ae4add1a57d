#include "streamcore/channel/stream_state.h"

#include <algorithm>

namespace thalweg {

TailWatch::~TailWatch() {
  while (!watched_.empty()) watched_.back()->remove(*this);
}

TailWatchers::~TailWatchers() {
  while (!watches_.empty()) remove(*watches_.back());
}

void TailWatchers::add(TailWatch& watch) {
  watches_.push_back(&watch);
  watch.watched_.push_back(this);
}

void TailWatchers::remove(TailWatch& watch) {
  watches_.erase(std::find(watches_.begin(), watches_.end(), &watch));
  watch.watched_.erase(std::find(watch.watched_.begin(), watch.watched_.end(), this));
}

namespace channel {

std::vector<segment::SegmentRow>::const_iterator StreamState::segment_after(Offset from) const {
  return std::upper_bound(
      segments.begin(), segments.end(), from,
      [](Offset offset, const segment::SegmentRow& row) { return offset < row.range.end; });
}

}  // namespace channel
}  // namespace thalweg
