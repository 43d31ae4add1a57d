#include "tests/sim/sim_bucket.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/sync.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/metadata/log_objects.h"
#include "streamcore/object_store/object_key.h"
#include "streamcore/segment/segment_format.h"

namespace thalweg::sim {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using base::Task;
using object_store::ByteRange;
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

namespace {
std::unexpected<base::Error> failed(const std::string& key) {
  return fail(ErrorCode::kUnavailable, "simulated: " + key);
}

// That a get of this key brings another object of its kind.
Fault other_of_kind(std::string_view key) {
  if (key.starts_with(metadata::kLogPrefix)) return Fault::kOtherEntry;
  if (key.starts_with(metadata::kSnapshotPrefix)) return Fault::kOtherSnapshot;
  if (key.starts_with(chunk::kChunkObjectPrefix)) return Fault::kOtherChunk;
  return key.starts_with(segment::kSegmentKeyPrefix) ? Fault::kOtherSegment : Fault::kOtherBody;
}
}  // namespace

bool BucketClient::happens(Fault fault, uint32_t permille) {
  if (!chance(permille)) return false;
  bucket_.fired.add(fault);
  return true;
}

base::Duration BucketClient::delay() {
  const auto spread = static_cast<uint64_t>((faults.delay_max - faults.delay_min).count());
  base::Duration delay = faults.delay_min + base::Duration(random_.below(spread + 1));
  if (faults.delay_spread != 0) {
    // The sum of twelve uniform numbers is as good as normal.
    double deviations = -6;
    for (int i = 0; i < 12; ++i) {
      deviations += static_cast<double>(random_.below(1 << 20)) / (1 << 20);
    }
    const double factor = std::exp(deviations * faults.delay_spread / 100);
    const double longer = static_cast<double>(delay.count()) * factor;
    delay = longer < static_cast<double>(kDelayMax.count())
                ? base::Duration(static_cast<int64_t>(longer))
                : kDelayMax;
  }
  if (delay >= std::chrono::seconds(1)) bucket_.fired.add(Fault::kSlowRequest);
  return delay;
}

Task<Status> BucketClient::travel() {
  if (faults.hangs) {
    base::Event never(executor_);
    co_await never.wait();
  }
  co_await base::sleep_for(executor_, delay());
  if (faults.down) co_return fail(ErrorCode::kUnavailable, "simulated: the zone is down");
  co_return Status();
}

bool BucketClient::refused() {
  if (chance(faults.slow_down)) {
    const auto longest = static_cast<uint64_t>(faults.slow_down_max.count());
    slow_until_ = executor_.now() + base::Duration(random_.below(longest));
  }
  if (executor_.now() >= slow_until_) return false;
  bucket_.fired.add(Fault::kSlowDown);
  return true;
}

Task<Status> BucketClient::ask() {
  CO_TRY(co_await travel());
  bucket_.land(executor_.now());
  if (refused()) co_return fail(ErrorCode::kUnavailable, "simulated: slow down");
  co_return Status();
}

Task<Result<PutOutcome>> BucketClient::put_if_absent(std::string key, base::Parts parts) {
  ++puts;
  CO_TRY(object_store::check_key(key));
  if (!parts.sound()) co_return fail(ErrorCode::kCorrupt, key);
  std::string bytes;
  for (const base::ByteView part : parts.views) bytes += base::as_chars(part);
  const auto unknown = [&] { return fail(ErrorCode::kUnknownOutcome, "simulated: " + key); };
  if (!co_await ask() || happens(Fault::kLostRequest, faults.lost_request)) co_return unknown();
  if (happens(Fault::kLateLanding, faults.late_landing)) {
    const auto late = 1 + random_.below(static_cast<uint64_t>(faults.late_max.count()));
    bucket_.put_late(executor_.now() + base::Duration(late), key, std::move(bytes));
    co_return unknown();
  }
  const PutOutcome outcome = bucket_.put(key, std::move(bytes));
  if (!co_await travel() || happens(Fault::kLostAnswer, faults.lost_answer)) co_return unknown();
  co_return outcome;
}

Task<Result<base::Slice>> BucketClient::get(std::string key, std::optional<ByteRange> range) {
  ++gets;
  CO_TRY(object_store::check_key(key));
  CO_TRY(co_await ask());
  if (happens(Fault::kFailedRead, faults.read_failed)) co_return failed(key);
  const auto found = bucket_.objects().find(key);
  Result<base::Slice> body = found == bucket_.objects().end() ? fail(ErrorCode::kNotFound, key)
                                                              : body_of(key, found->second, range);
  CO_TRY(co_await travel());
  co_return body;
}

Result<base::Slice> BucketClient::body_of(const std::string& key, std::string_view object,
                                          std::optional<ByteRange> range) {
  const ByteRange wanted = range.value_or(ByteRange{0, object.size()});
  if (wanted.offset > object.size() || wanted.length > object.size() - wanted.offset) {
    return fail(ErrorCode::kOutOfRange, key + " is shorter than the range asked for");
  }
  std::string_view bytes = object.substr(wanted.offset, wanted.length);
  std::string others;
  // Snapshots are read so seldom that little would ever happen to them.
  const uint32_t often = key.starts_with(metadata::kSnapshotPrefix) ? 20 : 1;
  if (!bytes.empty() && chance(faults.torn_read * often)) {
    bytes = others = damaged(key, std::string(bytes), wanted);
  }
  const base::Buffer copy = base::Buffer::copy_of(base::as_bytes(bytes));
  return base::Slice{copy, base::ByteView(copy.data(), bytes.size())};
}

std::string BucketClient::damaged(const std::string& key, std::string bytes, ByteRange range) {
  const uint64_t kind = random_.below(4);
  switch (kind) {
    case 0: {
      bucket_.fired.add(Fault::kFlippedBit);
      char& victim = bytes[random_.below(bytes.size())];
      victim = static_cast<char>(victim ^ (1 << random_.below(8)));
      return bytes;
    }
    case 1:
      bucket_.fired.add(Fault::kTornBody);
      bytes.resize(random_.below(bytes.size()));
      return bytes;
    default: return of_another(key, std::move(bytes), kind == 2, range);
  }
}

std::string BucketClient::of_another(const std::string& key, std::string bytes, bool of_its_kind,
                                     ByteRange range) {
  const auto& objects = bucket_.objects();
  const std::string directory = of_its_kind ? key.substr(0, key.rfind('/') + 1) : "";
  const auto first = objects.lower_bound(directory);
  const auto end = std::find_if(first, objects.end(), [&](const auto& object) {
    return !object.first.starts_with(directory);
  });
  const auto count = static_cast<uint64_t>(std::distance(first, end));
  // Half of the time the next of its kind, which is the most like it.
  const auto self = static_cast<uint64_t>(std::distance(first, objects.find(key)));
  const uint64_t index =
      of_its_kind && random_.below(2) == 0 ? (self + 1) % count : random_.below(count);
  const auto other = std::next(first, static_cast<ptrdiff_t>(index));
  if (other->first == key) return bytes;
  bucket_.fired.add(of_its_kind ? other_of_kind(key) : Fault::kOtherBody);
  if (range.offset >= other->second.size()) return "";
  return other->second.substr(range.offset, range.length);
}

Task<Result<ObjectInfo>> BucketClient::head(std::string key) {
  CO_TRY(object_store::check_key(key));
  CO_TRY(co_await ask());
  if (happens(Fault::kFailedRead, faults.read_failed)) co_return failed(key);
  const auto found = bucket_.objects().find(key);
  if (found == bucket_.objects().end()) co_return fail(ErrorCode::kNotFound, key);
  co_return ObjectInfo{.key = key, .size = found->second.size()};
}

Task<Status> BucketClient::remove(std::string key) {
  CO_TRY(object_store::check_key(key));
  CO_TRY(co_await ask());
  if (happens(Fault::kLostRequest, faults.lost_request)) co_return failed(key);
  bucket_.erase(key);
  CO_TRY(co_await travel());
  if (happens(Fault::kLostAnswer, faults.lost_answer)) co_return failed(key);
  co_return Status();
}

Task<Result<ListPage>> BucketClient::list(std::string prefix, std::string start_after) {
  CO_TRY(co_await ask());
  if (happens(Fault::kFailedRead, faults.read_failed)) co_return failed(prefix);
  const auto& objects = bucket_.objects();
  ListPage page;
  auto at = start_after < prefix ? objects.lower_bound(prefix) : objects.upper_bound(start_after);
  for (; at != objects.end() && at->first.starts_with(prefix); ++at) {
    if (page.objects.size() == faults.list_page) {
      page.more = true;
      bucket_.fired.add(Fault::kListedInPages);
      break;
    }
    page.objects.push_back({.key = at->first, .size = at->second.size()});
  }
  CO_TRY(co_await travel());
  co_return page;
}

}  // namespace thalweg::sim
