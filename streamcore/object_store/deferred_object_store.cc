#include "streamcore/object_store/deferred_object_store.h"

#include <utility>

namespace thalweg::object_store {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

Task<Status> DeferredObjectStore::opened() {
  if (store_ != nullptr) co_return Status();
  if (attempt_ != nullptr) {
    const auto attempt = attempt_;
    co_await attempt->wait();
    co_return attempt->value();
  }
  const auto attempt = attempt_ = std::make_shared<base::OneShot<Status>>(executor_);
  Result<std::unique_ptr<ObjectStore>> store = co_await open_();
  Status status;
  if (store) store_ = std::move(*store);
  if (!store) status = fail(ErrorCode::kUnavailable, store.error().message);
  attempt_ = nullptr;
  attempt->set(status);
  co_return status;
}

Task<Result<PutOutcome>> DeferredObjectStore::put_if_absent(std::string key, base::Parts parts) {
  const Status status = co_await opened();
  if (!status) co_return fail(ErrorCode::kUnknownOutcome, status.error().message);
  co_return co_await store_->put_if_absent(std::move(key), std::move(parts));
}

Task<Result<Slice>> DeferredObjectStore::get(std::string key, std::optional<ByteRange> range) {
  CO_TRY(co_await opened());
  co_return co_await store_->get(std::move(key), range);
}

Task<Result<ObjectInfo>> DeferredObjectStore::head(std::string key) {
  CO_TRY(co_await opened());
  co_return co_await store_->head(std::move(key));
}

Task<Result<PutOutcome>> DeferredObjectStore::put_twice(std::string key, base::Parts parts) {
  const Status open = co_await opened();
  if (!open) co_return base::fail(base::ErrorCode::kUnknownOutcome, open.error().message);
  co_return co_await store_->put_twice(std::move(key), std::move(parts));
}

Task<Status> DeferredObjectStore::remove(std::string key) {
  CO_TRY(co_await opened());
  co_return co_await store_->remove(std::move(key));
}

Task<Status> DeferredObjectStore::remove_all(std::vector<std::string> keys) {
  CO_TRY(co_await opened());
  co_return co_await store_->remove_all(std::move(keys));
}

Task<Result<ListPage>> DeferredObjectStore::list(std::string prefix, std::string start_after) {
  CO_TRY(co_await opened());
  co_return co_await store_->list(std::move(prefix), std::move(start_after));
}

}  // namespace thalweg::object_store
