#include "streamcore/metadata/owned_metadata_store.h"

namespace thalweg::metadata {

base::Task<base::Status> OwnedMetadataStore::commit(Transaction transaction) {
  transaction.conditions.push_back(lease_.condition());
  base::Status committed = co_await store_.commit(std::move(transaction));
  const bool refused = !committed && committed.error().code == base::ErrorCode::kConditionFailed;
  // Which condition it was is not told: ours failed if the lease is another's by now.
  if (refused) CO_TRY(co_await lease_.check_holder());
  co_return committed;
}

}  // namespace thalweg::metadata
