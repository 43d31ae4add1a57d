#include "streamcore/object_store/memory_object_store.h"

#include <algorithm>

#include "streamcore/object_store/object_key.h"

namespace thalweg::object_store {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

namespace {

Slice joined(const std::vector<ByteView>& parts) {
  size_t total = 0;
  for (const ByteView part : parts) total += part.size();
  const base::Buffer buffer = base::Buffer::allocate(total);
  size_t at = 0;
  for (const ByteView part : parts) {
    if (!part.empty()) std::memcpy(buffer.data() + at, part.data(), part.size());
    at += part.size();
  }
  return {buffer, ByteView(buffer.data(), total)};
}

}  // namespace

Task<Result<PutOutcome>> MemoryObjectStore::put_if_absent(std::string key, base::Parts parts) {
  CO_TRY(check_key(key));
  co_await base::yield(*executor_);
  if (!parts.sound()) co_return fail(ErrorCode::kCorrupt, key + ": bytes and CRC differ");
  PutOutcome outcome = PutOutcome::kExists;
  if (!objects_.contains(key)) {
    Slice object = joined(parts.views);
    bytes_ += object.bytes.size();
    objects_.emplace(std::move(key), std::move(object));
    outcome = PutOutcome::kCreated;
  }
  co_await base::yield(*executor_);
  co_return outcome;
}

Task<Result<Slice>> MemoryObjectStore::get(std::string key, std::optional<ByteRange> range) {
  CO_TRY(check_key(key));
  co_await base::yield(*executor_);
  const auto it = objects_.find(key);
  if (it == objects_.end()) co_return fail(ErrorCode::kNotFound, key);
  const Slice& whole = it->second;
  if (!range) co_return whole;
  if (range->offset > whole.bytes.size() || range->length > whole.bytes.size() - range->offset) {
    co_return fail(ErrorCode::kOutOfRange, key + " is shorter than the range asked for");
  }
  co_return Slice{whole.owner, whole.bytes.subspan(range->offset, range->length)};
}

Task<Result<ObjectInfo>> MemoryObjectStore::head(std::string key) {
  CO_TRY(check_key(key));
  co_await base::yield(*executor_);
  const auto it = objects_.find(key);
  if (it == objects_.end()) co_return fail(ErrorCode::kNotFound, key);
  co_return ObjectInfo{.key = std::move(key), .size = it->second.bytes.size()};
}

Task<Status> MemoryObjectStore::remove(std::string key) {
  CO_TRY(check_key(key));
  co_await base::yield(*executor_);
  const auto it = objects_.find(key);
  if (it != objects_.end()) {
    bytes_ -= it->second.bytes.size();
    objects_.erase(it);
  }
  co_await base::yield(*executor_);
  co_return Status();
}

Task<Result<ListPage>> MemoryObjectStore::list(std::string prefix, std::string start_after) {
  co_await base::yield(*executor_);
  ListPage page;
  auto it = start_after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(start_after);
  for (; it != objects_.end() && it->first.starts_with(prefix); ++it) {
    if (page.objects.size() == kListPageMax) {
      page.more = true;
      break;
    }
    page.objects.push_back({.key = it->first, .size = it->second.bytes.size()});
  }
  co_return page;
}

}  // namespace thalweg::object_store
