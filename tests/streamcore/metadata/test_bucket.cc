#include "tests/streamcore/metadata/test_bucket.h"

namespace thalweg::metadata {

using base::ErrorCode;
using object_store::PutOutcome;

size_t Bucket::count(std::string_view prefix) const {
  size_t found = 0;
  for (const auto& [key, bytes] : objects) found += key.starts_with(prefix) ? 1 : 0;
  return found;
}

void Bucket::land_late() {
  for (size_t i = 0; i < late.size();) {
    if (random_.below(4) != 0) {
      ++i;
      continue;
    }
    put(late[i].first, late[i].second);
    // Once more at another time, or never again.
    if (random_.below(2) == 0) late.erase(late.begin() + static_cast<std::ptrdiff_t>(i));
    ++i;
  }
}

void Bucket::flip_bit(const std::string& key, size_t bit) {
  std::string& bytes = objects.at(key);
  bytes[bit / 8 % bytes.size()] ^= static_cast<char>(1 << (bit % 8));
}

base::Task<void> BucketClient::travel() {
  ++bucket_.requests;
  for (uint64_t i = bucket_.random().below(bucket_.delay_steps_max) + 1; i > 0; --i) {
    co_await base::yield(executor_);
  }
}

base::Result<PutOutcome> BucketClient::store(const std::string& key, std::string bytes) {
  const PutFault fault = bucket_.put_fault ? bucket_.put_fault(key) : PutFault::kNone;
  const auto unknown = base::fail(ErrorCode::kUnknownOutcome, "no answer for " + key);
  switch (fault) {
    case PutFault::kNone: break;
    case PutFault::kLost: return unknown;
    case PutFault::kLate: bucket_.late.emplace_back(key, std::move(bytes)); return unknown;
    case PutFault::kAnswerLost: bucket_.put(key, std::move(bytes)); return unknown;
    case PutFault::kNoSpace: return base::fail(ErrorCode::kNoSpace, "no space for " + key);
    case PutFault::kEnded: return base::fail(ErrorCode::kClosed, "the store ended");
    case PutFault::kDamaged: bytes[bytes.size() / 2] ^= 4; break;
  }
  return bucket_.put(key, std::move(bytes)) ? PutOutcome::kCreated : PutOutcome::kExists;
}

base::Task<base::Result<PutOutcome>> BucketClient::put_if_absent(std::string key,
                                                                 base::Parts parts) {
  std::string bytes;
  for (const base::ByteView part : parts.views) bytes.append(base::as_chars(part));
  co_await travel();
  bucket_.land_late();
  const auto outcome = store(key, std::move(bytes));
  co_await travel();
  co_return outcome;
}

base::Status BucketClient::read_status(const std::string& key) {
  bucket_.land_late();
  if (bucket_.read_fails && bucket_.read_fails(key)) {
    return base::fail(ErrorCode::kUnavailable, "no answer for " + key);
  }
  return {};
}

base::Result<base::Slice> BucketClient::read(const std::string& key,
                                             std::optional<object_store::ByteRange> range) {
  TRY(read_status(key));
  const auto object = bucket_.objects.find(bucket_.read_as ? bucket_.read_as(key) : key);
  if (object == bucket_.objects.end()) return base::fail(ErrorCode::kNotFound, key);
  std::string_view bytes = object->second;
  if (range) {
    if (range->offset + range->length > bytes.size())
      return base::fail(ErrorCode::kOutOfRange, key);
    bytes = bytes.substr(range->offset, range->length);
  }
  base::Slice slice;
  slice.owner = base::Buffer::copy_of(base::as_bytes(bytes));
  slice.bytes = {slice.owner.data(), bytes.size()};
  if (bucket_.read_damaged && bucket_.read_damaged(key)) {
    slice.owner.data()[bytes.size() / 2] ^= std::byte{1};
  }
  return slice;
}

base::Task<base::Result<base::Slice>> BucketClient::get(
    std::string key, std::optional<object_store::ByteRange> range) {
  co_await travel();
  auto slice = read(key, range);
  co_await travel();
  co_return slice;
}

base::Task<base::Result<object_store::ObjectInfo>> BucketClient::head(std::string key) {
  co_await travel();
  CO_TRY(read_status(key));
  const auto object = bucket_.objects.find(key);
  if (object == bucket_.objects.end()) co_return base::fail(ErrorCode::kNotFound, key);
  co_return object_store::ObjectInfo{key, object->second.size()};
}

base::Task<base::Status> BucketClient::remove(std::string key) {
  co_await travel();
  bucket_.objects.erase(key);
  co_await travel();
  co_return base::Status{};
}

base::Task<base::Result<object_store::ListPage>> BucketClient::list(std::string prefix,
                                                                    std::string start_after) {
  co_await travel();
  CO_TRY(read_status(prefix));
  object_store::ListPage page;
  for (auto object = bucket_.objects.upper_bound(std::max(prefix, start_after));
       object != bucket_.objects.end() && object->first.starts_with(prefix); ++object) {
    page.more = page.objects.size() == 5;  // small pages, so that tests turn them
    if (page.more) break;
    page.objects.push_back({object->first, object->second.size()});
  }
  co_await travel();
  co_return page;
}

}  // namespace thalweg::metadata
