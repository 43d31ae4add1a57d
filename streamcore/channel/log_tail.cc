#include "streamcore/channel/log_tail.h"

#include <algorithm>

#include "streamcore/base/check.h"

namespace thalweg::channel {

void TailMemory::keep_to_bound() {
  while (bytes_ > bytes_max_) {
    LogTail* from = nullptr;
    for (LogTail* tail : tails_) {
      const LoggedChunk* chunk = tail->oldest_in_memory();
      if (chunk == nullptr) continue;
      if (from == nullptr || chunk->created < from->oldest_in_memory()->created) from = tail;
    }
    if (from == nullptr) return;
    from->drop_oldest();
  }
}

LogTail::LogTail(TailMemory& memory) : memory_(memory) { memory_.tails_.push_back(this); }

LogTail::~LogTail() {
  memory_.bytes_ -= memory_bytes_;
  std::erase(memory_.tails_, this);
}

LoggedChunk& LogTail::push(std::unique_ptr<LoggedChunk> chunk) {
  LoggedChunk& added = *chunk;
  CHECK_EQ(added.entries.size(), added.streams.size());
  for (uint32_t i = 0; i < added.entries.size(); ++i) {
    if (added.streams[i] != nullptr) added.streams[i]->entries.push_back({&added, i});
  }
  unoffloaded_bytes_ += added.length;
  if (added.recovered) recovered_bytes_ += added.length;
  unoffloaded_entries_ += added.entries.size();
  if (added.in_memory()) {
    memory_bytes_ += added.length;
    memory_.bytes_ += added.length;
  } else {
    CHECK_EQ(evicted_count_, chunks_.size());  // only recovery adds chunks that lie on disk
    ++evicted_count_;
  }
  chunks_.push_back(std::move(chunk));
  memory_.keep_to_bound();
  forget_offloaded();
  return added;
}

void LogTail::mark_offloaded(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    LoggedChunk& chunk = unoffloaded(0);
    chunk.offloaded = true;
    unoffloaded_bytes_ -= chunk.length;
    if (chunk.recovered) recovered_bytes_ -= chunk.length;
    unoffloaded_entries_ -= chunk.entries.size();
    ++offloaded_count_;
  }
  forget_offloaded();
}

const LoggedChunk* LogTail::oldest_in_memory() const {
  if (evicted_count_ + 1 >= chunks_.size()) return nullptr;
  return chunks_[evicted_count_].get();
}

void LogTail::drop_oldest() {
  LoggedChunk& chunk = *chunks_[evicted_count_++];
  memory_bytes_ -= chunk.length;
  memory_.bytes_ -= chunk.length;
  chunk.bytes = {};
  forget_offloaded();
}

// A chunk that is in segments and not in memory serves nobody.
void LogTail::forget_offloaded() {
  while (!chunks_.empty() && chunks_.front()->offloaded && evicted_count_ > 0) pop_front();
}

void LogTail::pop_front() {
  LoggedChunk& chunk = *chunks_.front();
  for (StreamState* stream : chunk.streams) {
    if (stream == nullptr) continue;
    CHECK(!stream->entries.empty() && stream->entries.front().chunk == &chunk);
    stream->entries.pop_front();
  }
  chunks_.pop_front();
  --offloaded_count_;
  --evicted_count_;
}

void LogTail::forget(StreamState& stream) {
  while (!stream.entries.empty()) {
    const EntryAt entry = stream.entries.front();
    entry.chunk->streams[entry.index] = nullptr;
    stream.durable = std::max(stream.durable, entry.chunk->header(entry.index).end());
    stream.entries.pop_front();
  }
}

}  // namespace thalweg::channel
