// StreamState: what is in memory of one stream while it is in use. StreamTable owns them; an idle
// stream has none.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "streamcore/channel/stream_row_format.h"
#include "streamcore/segment/segment_row_format.h"
#include "streamcore/stream_store.h"

namespace thalweg {

// TailWatchers: the watches of one stream. Each side knows its place in the other's list, so that
// leaving takes no search.
class TailWatchers {
 public:
  TailWatchers() = default;
  TailWatchers(const TailWatchers&) = delete;
  TailWatchers& operator=(const TailWatchers&) = delete;
  ~TailWatchers();
  // Once is enough: a watch that was added last is not added again.
  void add(TailWatch& watch);
  bool empty() const { return watches_.empty(); }
  void notify(StreamId stream, Offset durable_tail) {
    for (const Watcher& watcher : watches_) watcher.watch->tail_moved(stream, durable_tail);
  }

 private:
  friend class TailWatch;
  struct Watcher {
    TailWatch* watch;
    size_t place;  // of this stream in watch->watched_
  };
  void remove(size_t at);
  std::vector<Watcher> watches_;
};

namespace channel {

struct LoggedChunk;

// An entry in the log tail: entry `index` of a chunk.
struct EntryAt {
  LoggedChunk* chunk;
  uint32_t index;
};

// A queue of entries in one block of memory; a million streams may each have one.
class EntryQueue {
 public:
  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }
  const EntryAt& operator[](size_t i) const { return items_[head_ + i]; }
  const EntryAt& front() const { return items_[head_]; }
  const EntryAt& back() const { return items_.back(); }
  void push_back(EntryAt entry) { items_.push_back(entry); }
  void pop_front() {
    if (++head_ == items_.size()) {
      items_.clear();
      head_ = 0;
    } else if (head_ >= 64 && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
  }

 private:
  std::vector<EntryAt> items_;
  size_t head_ = 0;
};

struct StreamState {
  explicit StreamState(StreamId stream) : id(stream) {}

  StreamId id;
  bool has_row = false;  // `row` is what metadata holds
  bool deleted = false;  // no more appends: it is being deleted, or was
  StreamRow row;
  Offset next;     // to be assigned
  Offset durable;  // one past the last durable entry
  // In the log tail, by offset: un-offloaded ones, and offloaded ones still in memory.
  EntryQueue entries;
  bool segments_loaded = false;
  std::vector<segment::SegmentRow> segments;  // committed ranges, by offset
  bool annotation_loaded = false;
  std::string annotation;  // at row.committed_end
  uint32_t users = 0;      // coroutines that hold a pointer to this across a suspension
  TailWatchers watchers;

  // The first committed range that ends past `from`; segments_loaded.
  std::vector<segment::SegmentRow>::const_iterator segment_after(Offset from) const;
  // Its deletion is committed.
  bool gone() const { return deleted && !has_row; }
  bool idle() const { return entries.empty() && watchers.empty() && users == 0 && next == durable; }
};

// Keeps a StreamState in memory while a coroutine holds it.
class StreamUse {
 public:
  explicit StreamUse(StreamState& state) : state_(&state) { ++state_->users; }
  StreamUse(StreamUse&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  StreamUse& operator=(StreamUse&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~StreamUse() {
    if (state_ != nullptr) --state_->users;
  }
  StreamState& operator*() const { return *state_; }
  StreamState* operator->() const { return state_; }

 private:
  StreamState* state_;
};

}  // namespace channel
}  // namespace thalweg
