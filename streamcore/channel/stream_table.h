// StreamTable: the streams in memory, loaded from their rows when first touched and dropped when
// idle.
#pragma once

#include <memory>
#include <unordered_map>

#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/deleted_streams.h"
#include "streamcore/channel/stream_state.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::channel {

class StreamTable {
 public:
  explicit StreamTable(metadata::MetadataStore& metadata) : metadata_(metadata) {}

  // In memory, or null.
  StreamState* find(StreamId id) const;
  // In memory, or read from its row. A stream without a row is a stream never appended to, or a
  // deleted one.
  base::Task<base::Result<StreamUse>> load(StreamId id);
  // Reads the stream's committed ranges, once.
  base::Task<base::Status> load_segments(StreamState& stream);
  // Its deletion was committed, or may have been: it stays deleted when it is loaded again.
  void note_deleted(StreamId id) { deleted_.add(id); }
  void drop_idle(StreamState& stream);
  // Drops every idle stream among the next `limit` looked at.
  void sweep(size_t limit);
  size_t size() const { return streams_.size(); }

 private:
  metadata::MetadataStore& metadata_;
  std::unordered_map<StreamId, std::unique_ptr<StreamState>> streams_;
  DeletedStreams deleted_;
  size_t sweep_bucket_ = 0;
};

}  // namespace thalweg::channel
