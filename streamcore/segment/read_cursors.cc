#include "streamcore/segment/read_cursors.h"

#include <algorithm>

namespace thalweg::segment {

ReadCursor ReadCursors::take(StreamId stream, Offset from) {
  const auto found = by_key_.find({stream, from});
  if (found == by_key_.end()) return {};
  ReadCursor cursor = found->second->cursor;
  erase(found->second);
  cursor.window = std::max<uint32_t>(cursor.window, 1);
  return cursor;
}

void ReadCursors::put(StreamId stream, Offset next, const ReadCursor& cursor) {
  const Key key{stream, next};
  if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
  if (order_.size() >= cursors_max_ && !order_.empty()) erase(std::prev(order_.end()));
  order_.push_front({key, cursor});
  by_key_.emplace(key, order_.begin());
}

void ReadCursors::erase(std::list<Kept>::iterator kept) {
  by_key_.erase(kept->key);
  order_.erase(kept);
}

}  // namespace thalweg::segment
