#include "kafka_protocol/storage/store_place.h"

#include <cstdlib>
#include <utility>

#include "streamcore/base/log.h"
#include "streamcore/base/posix_file_system.h"
#include "streamcore/object_store/deferred_object_store.h"
#include "streamcore/object_store/local_object_store.h"
#include "streamcore/object_store/store_check.h"

namespace thalweg::storage {

using base::ErrorCode;
using base::Result;
using base::Task;
using object_store::ObjectStore;
using object_store::s3::S3Config;
using object_store::s3::S3ObjectStore;

namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kS3 = "s3://";

Task<Result<std::unique_ptr<ObjectStore>>> open_later(StoreWorld world, S3Config config) {
  co_return CO_TRY(co_await open_bucket(world, std::move(config)));
}

Task<Result<OpenStore>> open_directory(StoreWorld world, std::string directory) {
  OpenStore store;
  store.files = CO_TRY(base::PosixFileSystem::open(std::move(directory), world.executor, {}));
  store.objects = CO_TRY(
      co_await object_store::LocalObjectStore::open(*store.files, world.executor, world.random));
  co_return store;
}

}  // namespace

bool is_same_place(const StorePlace& one, const StorePlace& other) {
  if (one.bucket.has_value() != other.bucket.has_value() || one.name() != other.name()) {
    return false;
  }
  return !one.bucket || one.bucket->host == other.bucket->host;
}

Result<StorePlace> parse_store_url(std::string_view url) {
  StorePlace place;
  if (url.starts_with(kS3)) {
    place.bucket = TRY(object_store::s3::parse_s3_url(url, object_store::s3::process_environment));
    return place;
  }
  // Anything else in front of the path would be a host.
  if (url.starts_with(kFile) && url.substr(kFile.size()).starts_with('/')) {
    place.directory = url.substr(kFile.size());
    return place;
  }
  return base::fail(ErrorCode::kInvalidArgument,
                    "'" + std::string(url.substr(0, url.find('?'))) +
                        "' is neither s3://BUCKET/PREFIX nor file:///DIRECTORY");
}

Task<Result<std::unique_ptr<S3ObjectStore>>> open_bucket(StoreWorld world, S3Config config) {
  object_store::RequestCounts* counts = nullptr;
  if (world.meters != nullptr) counts = &(*world.meters)[{config.name(), config.endpoint()}];
  const std::string name = config.name();
  auto store = CO_TRY(co_await S3ObjectStore::open(
      {world.executor, world.poller, world.clock, world.random, counts}, std::move(config), {}));
  const ClockCheck clocks = check_clock(*store, world.clock);
  if (!clocks.outcome) {
    co_return base::fail(clocks.outcome.error().code, name + ": " + clocks.outcome.error().message);
  }
  if (!clocks.warning.empty()) base::log_warn(name + ": " + clocks.warning);
  co_return store;
}

ClockCheck check_clock(const S3ObjectStore& store, base::Clock& clock) {
  const int64_t ahead_ms = store.server_ahead_ms().value_or(0);
  if (std::abs(ahead_ms) <= object_store::s3::kClockSkewNotedMs) return {};
  std::string text = object_store::s3::describe_skew(ahead_ms, clock.wall_now());
  if (std::abs(ahead_ms) <= object_store::s3::kClockSkewMaxMs) {
    return {.outcome = {}, .warning = text};
  }
  return {.outcome = base::fail(ErrorCode::kUnavailable, text), .warning = {}};
}

Task<Result<OpenStore>> open_store(StoreWorld world, StorePlace place) {
  if (!place.bucket) co_return co_await open_directory(world, std::move(place.directory));
  co_return OpenStore{nullptr, CO_TRY(co_await open_bucket(world, std::move(*place.bucket)))};
}

Task<Result<OpenStore>> open_store_or_defer(StoreWorld world, StorePlace place) {
  Result<OpenStore> opened = co_await open_store(world, place);
  if (opened || !place.bucket || opened.error().code != ErrorCode::kUnavailable) co_return opened;
  base::log_warn(place.name() + " is not there yet: " + opened.error().message);
  co_return OpenStore{nullptr, std::make_unique<object_store::DeferredObjectStore>(
                                   world.executor, [world, config = *place.bucket] {
                                     return open_later(world, config);
                                   })};
}

Task<base::Status> try_out_store(StoreWorld world, ObjectStore& objects, std::string name) {
  const auto steps = co_await object_store::check_store(objects, world.executor, world.random,
                                                        object_store::CheckEffort::at_start());
  const object_store::CheckStep& last = steps.back();
  if (last.outcome) co_return base::Status{};
  co_return base::fail(last.outcome.error().code,
                       name + " cannot be used: of what a store must keep, \"" + last.promise +
                           "\" failed: " + last.outcome.error().message);
}

}  // namespace thalweg::storage
