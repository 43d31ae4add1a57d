// OwnedMetadataStore: a MetadataStore through which only the holder of the lease can change
// anything: each transaction gets the lease's condition, so that no writer can forget it. A process
// that was taken over gets kFenced from its first commit on, and the lease is then known to be
// lost.
//
// Rows that nobody but the owner writes are answered from what this process knows, while the lease
// holds: its own commits are in there, and another owner's cannot exist yet. Other rows are read as
// the store reads them, which may be a look at a bucket for each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/metadata_store.h"
#include "streamcore/metadata/object_log_metadata_store.h"

namespace thalweg::metadata {

// Which rows nobody but the owner writes, and the store that applies what is written.
struct OwnRows {
  const ObjectLogMetadataStore* applied = nullptr;  // null = every row is read through the store
  std::vector<std::string> prefixes;
};

class OwnedMetadataStore final : public MetadataStore {
 public:
  // The lease is held. All outlive this.
  OwnedMetadataStore(MetadataStore& store, Lease& lease, OwnRows own = {})
      : store_(store), lease_(lease), own_(std::move(own)) {}

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override;
  base::Task<base::Result<std::vector<KeyValue>>> scan(std::string prefix, std::string start_after,
                                                       size_t limit) override;
  // Also kFenced: nothing was done, and nothing ever will be.
  base::Task<base::Status> commit(Transaction transaction) override;

 private:
  bool knows(const std::string& key);

  MetadataStore& store_;
  Lease& lease_;
  const OwnRows own_;
};

}  // namespace thalweg::metadata
