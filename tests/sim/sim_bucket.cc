#include "tests/sim/sim_bucket.h"

#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/sync.h"
#include "streamcore/object_store/object_key.h"

namespace thalweg::sim {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using base::Task;
using object_store::ListPage;
using object_store::ObjectInfo;
using object_store::PutOutcome;

// --- the bucket

PutOutcome SimBucket::put(const std::string& key, std::string bytes) {
  if (!conditional_) objects_.erase(key);
  const bool created = objects_.try_emplace(key, std::move(bytes)).second;
  return created ? PutOutcome::kCreated : PutOutcome::kExists;
}

void SimBucket::put_late(base::TimePoint when, std::string key, std::string bytes) {
  late_.emplace(when, Late{std::move(key), std::move(bytes)});
}

void SimBucket::land(base::TimePoint now) {
  while (!late_.empty() && late_.begin()->first <= now) {
    const Late late = std::move(late_.extract(late_.begin()).mapped());
    if (put(late.key, late.bytes) == PutOutcome::kExists) ++late_conflicts_;
  }
}

void SimBucket::land_all() {
  if (!late_.empty()) land(late_.rbegin()->first);
}

void SimBucket::damage(const std::string& key, uint64_t bit) {
  std::string& bytes = objects_.at(key);
  CHECK_LT(bit / 8, bytes.size());
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
}

// --- one process's view

Task<Status> BucketClient::travel() {
  if (faults.hangs) {
    base::Event never(executor_);
    co_await never.wait();
  }
  const auto spread = static_cast<uint64_t>((faults.delay_max - faults.delay_min).count());
  co_await base::sleep_for(executor_, faults.delay_min + base::Duration(random_.below(spread + 1)));
  if (faults.down) co_return fail(ErrorCode::kUnavailable, "simulated: the zone is down");
  co_return Status();
}

Task<Status> BucketClient::ask() {
  CO_TRY(co_await travel());
  bucket_.land(executor_.now());
  co_return Status();
}

Task<Result<PutOutcome>> BucketClient::put_if_absent(std::string key, base::Parts parts) {
  ++puts;
  CO_TRY(object_store::check_key(key));
  if (!parts.sound()) co_return fail(ErrorCode::kCorrupt, key);
  std::string bytes;
  for (const base::ByteView part : parts.views) bytes += base::as_chars(part);
  const auto unknown = [&] { return fail(ErrorCode::kUnknownOutcome, "simulated: " + key); };
  if (!co_await ask() || chance(faults.lost_request)) co_return unknown();
  if (chance(faults.late_landing)) {
    const auto late = 1 + random_.below(static_cast<uint64_t>(faults.late_max.count()));
    bucket_.put_late(executor_.now() + base::Duration(late), key, std::move(bytes));
    co_return unknown();
  }
  const PutOutcome outcome = bucket_.put(key, std::move(bytes));
  if (!co_await travel() || chance(faults.lost_answer)) co_return unknown();
  co_return outcome;
}

Task<Result<base::Slice>> BucketClient::get(std::string key,
                                            std::optional<object_store::ByteRange> range) {
  ++gets;
  CO_TRY(object_store::check_key(key));
  CO_TRY(co_await ask());
  if (chance(faults.read_failed)) co_return fail(ErrorCode::kUnavailable, "simulated: " + key);
  const auto found = bucket_.objects().find(key);
  const bool there = found != bucket_.objects().end();
  const std::string bytes = there ? found->second : "";
  CO_TRY(co_await travel());
  if (!there) co_return fail(ErrorCode::kNotFound, key);
  const object_store::ByteRange all{0, bytes.size()};
  const object_store::ByteRange wanted = range.value_or(all);
  if (wanted.offset > bytes.size() || wanted.length > bytes.size() - wanted.offset) {
    co_return fail(ErrorCode::kOutOfRange, key + " is shorter than the range asked for");
  }
  const base::Buffer copy =
      base::Buffer::copy_of(base::as_bytes(bytes).subspan(wanted.offset, wanted.length));
  if (wanted.length > 0 && chance(faults.torn_read)) {
    copy.data()[random_.below(wanted.length)] ^= std::byte{0x40};
  }
  co_return base::Slice{copy, base::ByteView(copy.data(), wanted.length)};
}

Task<Result<ObjectInfo>> BucketClient::head(std::string key) {
  CO_TRY(object_store::check_key(key));
  CO_TRY(co_await ask());
  if (chance(faults.read_failed)) co_return fail(ErrorCode::kUnavailable, "simulated: " + key);
  const auto found = bucket_.objects().find(key);
  if (found == bucket_.objects().end()) co_return fail(ErrorCode::kNotFound, key);
  co_return ObjectInfo{.key = key, .size = found->second.size()};
}

Task<Status> BucketClient::remove(std::string key) {
  CO_TRY(object_store::check_key(key));
  CO_TRY(co_await ask());
  if (chance(faults.lost_request)) co_return fail(ErrorCode::kUnavailable, "simulated: " + key);
  bucket_.erase(key);
  CO_TRY(co_await travel());
  if (chance(faults.lost_answer)) co_return fail(ErrorCode::kUnavailable, "simulated: " + key);
  co_return Status();
}

Task<Result<ListPage>> BucketClient::list(std::string prefix, std::string start_after) {
  CO_TRY(co_await ask());
  if (chance(faults.read_failed)) co_return fail(ErrorCode::kUnavailable, "simulated: " + prefix);
  const auto& objects = bucket_.objects();
  ListPage page;
  auto at = start_after < prefix ? objects.lower_bound(prefix) : objects.upper_bound(start_after);
  for (; at != objects.end() && at->first.starts_with(prefix); ++at) {
    if (page.objects.size() == object_store::kListPageMax) {
      page.more = true;
      break;
    }
    page.objects.push_back({.key = at->first, .size = at->second.size()});
  }
  CO_TRY(co_await travel());
  co_return page;
}

}  // namespace thalweg::sim
