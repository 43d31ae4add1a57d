// OwnedMetadataStore: a MetadataStore through which only the holder of the lease can change
// anything: each transaction gets the lease's condition, so that no writer can forget it. A process
// that was taken over gets kFenced from its first commit on, and the lease is then known to be
// lost.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::metadata {

class OwnedMetadataStore final : public MetadataStore {
 public:
  // The lease is held. Both outlive this.
  OwnedMetadataStore(MetadataStore& store, Lease& lease) : store_(store), lease_(lease) {}

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override {
    return store_.get(std::move(key));
  }
  base::Task<base::Result<std::vector<KeyValue>>> scan(std::string prefix, std::string start_after,
                                                       size_t limit) override {
    return store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  // Also kFenced: nothing was done, and nothing ever will be.
  base::Task<base::Status> commit(Transaction transaction) override;

 private:
  MetadataStore& store_;
  Lease& lease_;
};

}  // namespace thalweg::metadata
