#include "streamcore/channel/stream_state.h"

#include <utility>

namespace thalweg {

TailWatch::~TailWatch() {
  while (!watched_.empty()) watched_.back().watchers->remove(watched_.back().place);
}

TailWatchers::~TailWatchers() {
  while (!watches_.empty()) remove(watches_.size() - 1);
}

void TailWatchers::add(TailWatch& watch) {
  if (!watches_.empty() && watches_.back().watch == &watch) return;
  watch.watched_.push_back({this, watches_.size()});
  watches_.push_back({&watch, watch.watched_.size() - 1});
}

// The last of each list takes the place of what leaves it.
void TailWatchers::remove(size_t at) {
  const Watcher leaving = watches_[at];
  std::vector<TailWatch::Watched>& watched = leaving.watch->watched_;
  watched[leaving.place] = watched.back();
  watched[leaving.place].watchers->watches_[watched[leaving.place].place].place = leaving.place;
  watched.pop_back();
  watches_[at] = watches_.back();
  watches_.pop_back();
  if (at < watches_.size()) watches_[at].watch->watched_[watches_[at].place].place = at;
}

namespace channel {

std::vector<segment::SegmentRow>::const_iterator StreamState::segment_after(Offset from) const {
  return std::upper_bound(
      segments.begin(), segments.end(), from,
      [](Offset offset, const segment::SegmentRow& row) { return offset < row.range.end; });
}

}  // namespace channel
}  // namespace thalweg
