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
  base::Task<base::Status> trim(channel::StreamState& stream, Offset to);
  base::Task<base::Status> remove(std::vector<StreamId> streams);
  base::Task<base::Status> fence(channel::StreamState& stream, std::string token);

 private:
  base::Task<base::Status> commit(metadata::Transaction transaction);
  base::Task<base::Status> remove_some(std::vector<StreamId> streams);
  base::Task<base::Status> erase_rows(const std::vector<channel::StreamUse>& uses);

  Parts parts_;
};

}  // namespace thalweg::stream
