// StreamRows: transactions on stream rows: the first append's row, trim, retention, deletion,
// fencing. Each is conditional on the channel row (P6) and goes through the RowGate.
#pragma once

#include <vector>

#include "streamcore/channel/channel.h"
#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/log_tail.h"
#include "streamcore/channel/segment_objects.h"
#include "streamcore/channel/stream_table.h"

namespace thalweg::stream {

class StreamRows {
 public:
  struct Parts {
    metadata::MetadataStore& metadata;
    channel::StreamTable& streams;
    channel::LogTail& tail;
    channel::OwnedChannelRow& row;
    channel::RowGate& gate;
    channel::SegmentObjects& objects;
    const StreamStoreOptions& options;
  };
  explicit StreamRows(Parts parts) : parts_(parts) {}

  // Writes the rows of those streams that have none; their link starts in the open epoch.
  base::Task<base::Status> create(std::vector<StreamId> streams);
  // In as many transactions as its segments need, oldest first; each is a trim by itself, so that
  // one cut off leaves a stream that was trimmed less far.
  base::Task<base::Status> trim(channel::StreamState& stream, Offset to);
  // A stream's row goes in its last transaction. Cut off, some streams are gone, one may be
  // trimmed, and the rest is untouched; the call can be repeated.
  base::Task<base::Status> remove(std::vector<StreamId> streams);
  base::Task<base::Status> fence(channel::StreamState& stream, std::string token);

 private:
  base::Task<base::Status> commit(metadata::Transaction transaction);
  // One transaction of a trim; true if another is needed.
  base::Task<base::Result<bool>> trim_part(channel::StreamState& stream, Offset to);
  base::Task<base::Status> remove_together(std::vector<channel::StreamUse> uses);
  base::Task<base::Status> erase_rows(const std::vector<channel::StreamUse>& uses);

  Parts parts_;
};

}  // namespace thalweg::stream
