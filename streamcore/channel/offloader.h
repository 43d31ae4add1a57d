// Offloader: moves a prefix of the durable chunk log into segments, one run at a time.
//
// A run: plan, rebuild annotations, PREPARE objects, upload, then commit every stream's new
// committed end together with the free watermark g, each transaction conditional on the channel row
// (P6), on every object still PREPARED, and on each stream's row being the one the plan was made
// from. Only after that do chunks go. A run that fails commits the streams whose objects it
// uploaded, gives the others up and leaves everything else as it was; the next one takes the same
// chunks again and skips what is committed.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/offload_plan.h"
#include "streamcore/channel/segment_objects.h"
#include "streamcore/chunk/chunk_replica.h"
#include "streamcore/entry_rules.h"
#include "streamcore/options.h"
#include "streamcore/segment/segment_builder.h"
#include "streamcore/segment/segment_reader.h"

namespace thalweg::channel {

class Offloader {
 public:
  struct Parts {
    base::Executor& executor;
    std::vector<chunk::ChunkReplica*> replicas;
    const EntryRules& rules;
    object_store::ObjectStore& store;
    metadata::MetadataStore& metadata;
    StreamTable& streams;
    LogTail& tail;
    OwnedChannelRow& row;
    RowGate& gate;
    SegmentObjects& objects;
    segment::SegmentReader& reader;
    const StreamStoreOptions& options;
  };
  explicit Offloader(Parts parts) : parts_(std::move(parts)) {}

  // Offloads the oldest `count` un-offloaded chunks, all of one epoch and durable. kFenced: the
  // channel is another's.
  base::Task<base::Status> run(size_t count);
  // The stream's annotation at its committed end, from memory or from its segment.
  base::Task<base::Status> load_annotation(StreamState& stream);
  // Has the replicas forget every chunk below the free watermark of the oldest undrained epoch.
  base::Task<void> free_chunks();
  // Streams whose packed ranges have become too many, and the next of them.
  size_t merges_wanted() const { return merge_wanted_.size(); }
  std::optional<StreamId> next_merge();

 private:
  using Upload = SegmentObjects::Upload;
  struct Range;
  struct RangesOf;
  struct Object;
  struct Job;

  // What of a run is committed: the chunks are done only with all of it.
  enum class Commit { kAll, kUploaded };
  enum class Part { kMore, kLast };
  // Whether bytes in memory are believed or held against their chunk's CRC.
  enum class Memory { kBelieved, kChecked };
  base::Task<base::Status> run_with(size_t count, Memory memory);
  base::Task<base::Result<std::vector<base::Slice>>> load_chunks(size_t count, Memory memory);
  base::Task<base::Status> fold(Job& job);
  void assign_objects(Job& job) const;
  base::Task<void> build(Job& job);
  base::Task<base::Status> upload(Job& job);
  base::Task<void> upload_from(Job& job, size_t& next, base::Status& uploaded);
  base::Task<base::Status> keep_uploaded(Job& job, base::Error error);
  base::Task<base::Status> commit(Job& job, Commit what);
  std::vector<segment::SegmentRow> segment_rows(const Job& job, size_t stream) const;
  void add_stream(Job& job, size_t i, metadata::Transaction& transaction,
                  SegmentObjects::Released& released);
  base::Task<base::Status> commit_part(Job& job, metadata::Transaction transaction,
                                       SegmentObjects::Released released, Part part);
  void adopt(Job& job);
  base::Task<base::Status> move(Job& job);
  base::Task<void> give_up(Job& job);
  ChannelRow row_after(const OffloadPlan& plan) const;

  Parts parts_;
  std::set<StreamId> merge_wanted_;
};

}  // namespace thalweg::channel
