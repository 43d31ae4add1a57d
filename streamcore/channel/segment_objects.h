// SegmentObjects: the life of segment objects in metadata: PREPARED before the upload,
// COMMITTED with the rows that name them, DELETING when the last range went, deleted after a grace;
// stale PREPARED ones are swept.
//
// Builds parts of transactions; whoever holds the RowGate commits them.
#pragma once

#include <map>
#include <vector>

#include "streamcore/base/clock.h"
#include "streamcore/base/task_group.h"
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

  // Gives out `count` ids whose rows are PREPARED, written if the channel is still ours. Ids that
  // were given up come first, so that repeating what fails on a full disk writes nothing.
  base::Task<base::Result<std::vector<ObjectId>>> prepare(metadata::Condition owner, size_t count);
  // What became of an object's upload.
  enum class Upload { kNone, kCreated, kUnknown };
  // Uploads under an id of prepare(). kNoSpace, kUnknownOutcome; kCorrupt if the object is there or
  // the parts are not what their CRC says.
  base::Task<base::Status> upload(ObjectId object, base::Parts parts, Upload& outcome);
  // Its run is over and will not commit it: the object becomes DESTROYED and goes. The id is given
  // out again only if nothing was ever sent under it: a key never has two contents.
  base::Task<void> give_up(ObjectId object, Upload upload, metadata::Condition owner);

  // Adds to `transaction`: the object is still PREPARED, and becomes COMMITTED with this many live
  // ranges. The row it then has.
  ObjectRow commit(metadata::Transaction& transaction, ObjectId object, uint32_t ranges);
  // Adds to a later part of a split commit: the object still has the row `before`, and gets this
  // many live ranges more.
  static ObjectRow commit_more(metadata::Transaction& transaction, ObjectId object,
                               const ObjectRow& before, uint32_t ranges);
  // When the object was committed; 0 if its row does not say.
  base::Task<base::Result<base::Timestamp>> committed_at(ObjectId object);

  // What refers to an object: a stream's range in it, or a stream's newest annotation in it. How
  // many of these a transaction takes away, by object.
  using Released = std::map<ObjectId, uint32_t>;
  // Adds to `transaction` what the loss of these ranges does to their objects' rows. kFenced: there
  // are fewer, so that another owner has changed them.
  base::Task<base::Status> release(metadata::Transaction& transaction, const Released& released);

  // At start, before any prepare(): objects a dead owner left PREPARED become DESTROYED and are
  // removed. `owner`: of every channel.
  base::Task<base::Status> sweep_prepared(std::vector<metadata::Condition> owner);
  // Removes objects that it has known to be DELETING for their grace, and old DESTROYED rows.
  // Called now and then; looks at the dying alone. A wall clock that jumps ends no grace early and
  // keeps nothing for long.
  base::Task<base::Status> collect_garbage();
  // Objects in the store that no row names are reported in one line and never deleted: whose they
  // are is for people to find out. Looks at the first hundred thousand, before any
  // collect_garbage().
  base::Task<base::Status> report_unknown(const base::TaskGroup& group);

 private:
  // Whether the time of one of the dying is over, which this process has known for so long.
  bool is_dead(const ObjectRow& row, base::Timestamp now, base::Duration known_for) const;
  base::Task<base::Result<bool>> is_known(const std::string& key);
  base::Task<base::Status> write_prepared(metadata::Condition owner,
                                          const std::vector<ObjectId>& ids);
  base::Task<base::Status> destroy(std::string key, std::string row_bytes, ObjectId object,
                                   const std::vector<metadata::Condition>& owner);

  base::Clock& clock_;
  object_store::ObjectStore& objects_;
  metadata::MetadataStore& metadata_;
  const StreamStoreOptions& options_;
  metadata::IdAllocator ids_;
  std::vector<ObjectId> given_up_;  // PREPARED, without an object
  // The dying, and when they were first found so by this process, since boot.
  std::map<ObjectId, base::Duration> dying_;
};

}  // namespace thalweg::channel
