#include "streamcore/object_store/object_store.h"

#include <utility>

namespace thalweg::object_store {

base::Task<base::Result<PutOutcome>> ObjectStore::put_twice(std::string key, base::Parts parts) {
  return put_if_absent(std::move(key), std::move(parts));
}

base::Task<base::Status> ObjectStore::remove_all(std::vector<std::string> keys) {
  base::Status outcome;
  for (std::string& key : keys) {
    base::Status removed = co_await remove(std::move(key));
    if (!removed) outcome = std::move(removed);
  }
  co_return outcome;
}

}  // namespace thalweg::object_store
