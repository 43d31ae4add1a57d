// SegmentObjects: the life of segment objects in metadata (DESIGN §5): PREPARED before the upload,
// COMMITTED with the rows that name them, DELETING when the last range went, deleted after a grace;
// stale PREPARED ones are swept.
//
// Builds parts of transactions; whoever holds the RowGate commits them.
#pragma once

#include <map>
#include <vector>

#include "streamcore/base/clock.h"
#include "streamcore/channel/channel_row.h"
#include "streamcore/channel/object_row_format.h"
#include "streamcore/metadata/id_allocator.h"
#include "streamcore/object_store/object_store.h"
#include "streamcore/options.h"

namespace thalweg::channel {

class SegmentObjects {
 public:
  SegmentObjects(base::Executor& executor, base::Clock& clock, object_store::ObjectStore& objects,
                 metadata::MetadataStore& metadata, const StreamStoreOptions& options);

  // Gives out `count` ids and writes their rows PREPARED, if the channel is still ours.
  base::Task<base::Result<std::vector<ObjectId>>> prepare(metadata::Condition owner, size_t count);
  // Adds to `transaction`: the object is still PREPARED, and becomes COMMITTED with this many live
  // ranges.
  static void commit(metadata::Transaction& transaction, ObjectId object, uint32_t ranges);
  // Adds to a later part of a split commit: the object is COMMITTED with `before` live ranges, and
  // has `after`.
  static void commit_more(metadata::Transaction& transaction, ObjectId object, uint32_t before,
                          uint32_t after);

  // What refers to an object: a stream's range in it, or a stream's newest annotation in it. How
  // many of these a transaction takes away, by object.
  using Released = std::map<ObjectId, uint32_t>;
  // Adds to `transaction` what the loss of these ranges does to their objects' rows.
  base::Task<base::Status> release(metadata::Transaction& transaction, const Released& released);

  // At start, before any prepare(): objects a dead owner left PREPARED become DESTROYED and are
  // removed.
  base::Task<base::Status> sweep_prepared(metadata::Condition owner);
  // Removes objects whose grace is over, and old DESTROYED rows. Called now and then.
  base::Task<base::Status> collect_garbage();

 private:
  base::Task<base::Status> destroy(std::string key, std::string row_bytes, ObjectId object,
                                   const metadata::Condition& owner);

  base::Clock& clock_;
  object_store::ObjectStore& objects_;
  metadata::MetadataStore& metadata_;
  const StreamStoreOptions& options_;
  metadata::IdAllocator ids_;
};

}  // namespace thalweg::channel
