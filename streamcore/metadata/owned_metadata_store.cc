#include "streamcore/metadata/owned_metadata_store.h"

#include <algorithm>

namespace thalweg::metadata {

// Who reads once will read again: the lease is kept renewed for it.
bool OwnedMetadataStore::knows(const std::string& key) {
  const bool own = std::ranges::any_of(
      own_.prefixes, [&](const std::string& prefix) { return key.starts_with(prefix); });
  return own && own_.applied != nullptr && lease_.holds();
}

base::Task<base::Result<std::optional<std::string>>> OwnedMetadataStore::get(std::string key) {
  if (!knows(key)) co_return co_await store_.get(std::move(key));
  co_return CO_TRY(own_.applied->known())->get(key);
}

base::Task<base::Result<std::vector<KeyValue>>> OwnedMetadataStore::scan(std::string prefix,
                                                                         std::string start_after,
                                                                         size_t limit) {
  if (!knows(prefix)) {
    co_return co_await store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  co_return CO_TRY(own_.applied->known())->scan(prefix, start_after, limit);
}

base::Task<base::Status> OwnedMetadataStore::commit(Transaction transaction) {
  transaction.conditions.push_back(lease_.condition());
  base::Status committed = co_await store_.commit(std::move(transaction));
  const bool refused = !committed && committed.error().code == base::ErrorCode::kConditionFailed;
  // Which condition it was is not told: ours failed if the lease is another's by now.
  if (refused) CO_TRY(co_await lease_.check_holder());
  co_return committed;
}

}  // namespace thalweg::metadata
