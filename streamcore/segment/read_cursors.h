// ReadCursors: remembers where reads of streams stopped, so that one that goes on from there is
// known to be sequential and is read ahead of. Bounded; the cursor unused for longest goes first.
//
// A cursor is taken when a read begins and put back under the offset it stopped at, so readers of
// one stream at different offsets have a cursor each. Belongs to one executor.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "streamcore/types.h"

namespace thalweg::segment {

struct ReadCursor {
  uint32_t window = 0;  // GETs to be ahead; 0 until a read went on where another stopped
  ObjectId object;      // where read-ahead was asked for last
  uint64_t run = 0;
};

class ReadCursors {
 public:
  explicit ReadCursors(size_t cursors_max) : cursors_max_(cursors_max) {}

  // The cursor of a read that stopped at `from`, with a window of at least 1; a new one if there is
  // none.
  ReadCursor take(StreamId stream, Offset from);
  void put(StreamId stream, Offset next, const ReadCursor& cursor);
  size_t size() const { return order_.size(); }

 private:
  struct Key {
    StreamId stream;
    Offset next;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<StreamId>()(key.stream) ^ (key.next.value * 0xC2B2AE3D27D4EB4Full);
    }
  };
  struct Kept {
    Key key;
    ReadCursor cursor;
  };
  void erase(std::list<Kept>::iterator kept);

  size_t cursors_max_;
  std::list<Kept> order_;  // most recently put first
  std::unordered_map<Key, std::list<Kept>::iterator, KeyHash> by_key_;
};

}  // namespace thalweg::segment
