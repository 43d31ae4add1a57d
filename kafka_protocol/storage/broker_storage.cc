#include "kafka_protocol/storage/broker_storage.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/settings.h"
#include "kafka_protocol/server/shutdown_signals.h"
#include "kafka_protocol/storage/data_directory.h"
#include "kafka_protocol/storage/store_metrics.h"
#include "kafka_protocol/storage/store_options.h"
#include "kafka_protocol/topics/topic_config.h"
#include "streamcore/base/log.h"
#include "streamcore/channel/channel_rows.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/object_store/local_object_store.h"

namespace thalweg::storage {

using base::ErrorCode;

namespace {

constexpr const char* kPlacesHint =
    "local: --data; standard: --store, or --chunks URL; express: --chunks 'URL?class=express'";

// How long a stop waits for a bucket.
constexpr base::Duration kBucketCloseTimeMax = std::chrono::seconds(5);

// Of the disk, and beyond the size limit, for what must work when either is full.
constexpr uint64_t kReserveBytes = 16 << 20;

// Who this is, for another that finds the store in use.
std::string own_name(const server::Config& config) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  std::string listeners;
  for (const std::string& one : config.get_list("listeners")) listeners += " " + one;
  return "broker " + std::to_string(*server::node_id(config)) + " on " + host.data() +
         ", process " + std::to_string(::getpid()) + "," + listeners;
}

}  // namespace

base::Result<std::unique_ptr<BrokerStorage>> BrokerStorage::make(const server::Config& config,
                                                                 server::AsioExecutor& home) {
  std::unique_ptr<BrokerStorage> storage(new BrokerStorage(config, home));
  TRY(storage->find_places());
  const std::string& directory = config.get_string("thalweg.data.dir");
  if (!directory.empty()) storage->disk_ = TRY(base::PosixFileSystem::open(directory, home, {}));
  return storage;
}

base::Status BrokerStorage::find_places() {
  std::optional<StorePlace> bucket;
  const std::string& url = config_.get_string("thalweg.store");
  if (!url.empty()) {
    auto parsed = object_store::s3::parse_s3_url(url, object_store::s3::process_environment);
    if (!parsed) {
      return base::fail(ErrorCode::kInvalidArgument, "thalweg.store: " + parsed.error().message);
    }
    bucket_ = std::move(*parsed);
    bucket.emplace().bucket = bucket_;
  }
  const auto unless_named = storage_class_of(config_.get_string("thalweg.chunks.class"));
  auto chunks = parse_chunk_places(config_.get_list("thalweg.chunks"), *unless_named);
  if (!chunks) {
    return base::fail(chunks.error().code, "thalweg.chunks: " + chunks.error().message);
  }
  const bool directory = !config_.get_string("thalweg.data.dir").empty();
  if (!directory && !bucket_) {
    return base::fail(ErrorCode::kInvalidArgument,
                      "thalweg.data.dir: name a directory (--data), or a bucket (--store)");
  }
  logs_ = std::make_unique<BrokerLogs>(std::move(*chunks), directory, std::move(bucket));
  return check_default_class();
}

base::Status BrokerStorage::check_default_class() const {
  const std::string& name = config_.get_string(topics::kStorageClassConfig);
  std::string there;
  for (const StorageClass one : logs_->classes()) {
    if (name.empty() || name == to_string(one)) return {};
    there += (there.empty() ? "" : ", ") + std::string(to_string(one));
  }
  return base::fail(ErrorCode::kInvalidArgument, std::string(topics::kStorageClassConfig) +
                                                     ": nothing says where a log of class " + name +
                                                     " is to be (" + kPlacesHint +
                                                     "), only one of: " + there);
}

base::Task<base::Status> BrokerStorage::open_metadata() {
  if (disk_) CO_TRY(co_await open_directory());
  if (bucket_) {
    const base::Status owned = co_await own_bucket();
    if (!owned) CO_TRY(co_await tried_out());  // what a bucket does not keep explains the rest
    co_return owned;
  }
  CO_TRY(co_await open_metadata_in_directory());
  use_logs();
  CO_TRY(co_await first_class());
  co_return base::Status{};
}

base::Task<base::Status> BrokerStorage::open_directory() {
  const int64_t limit = config_.get_int("thalweg.data.size.limit.bytes");
  files_ = std::make_unique<base::QuotaFileSystem>(
      *disk_, "thalweg.data.size.limit.bytes",
      limit < 0 ? UINT64_MAX : static_cast<uint64_t>(limit), 0);
  CO_TRY(co_await files_->measure({"log", "objects", "tmp"}));
  co_return co_await files_->keep_reserve(home_, "reserve", kReserveBytes);
}

base::Task<base::Status> BrokerStorage::claim_directory(std::string bucket) {
  CO_TRY(co_await bind_data_directory(*files_, std::move(bucket)));
  lock_ = CO_TRY(co_await chunk::LocalReplica::lock(*files_));
  co_return base::Status{};
}

base::Task<base::Status> BrokerStorage::open_metadata_in_directory() {
  CO_TRY(co_await claim_directory(""));
  objects_ = CO_TRY(co_await object_store::LocalObjectStore::open(*files_, home_, random_));
  // The lock guarantees that nobody else writes here.
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(home_, *objects_, random_,
                                                                     {.single_writer = true}));
  co_return base::Status{};
}

base::Task<base::Status> BrokerStorage::open_metadata_in_bucket() {
  auto objects = CO_TRY(co_await open_bucket(world(), *bucket_));
  bucket_objects_ = objects.get();
  objects_ = std::move(objects);
  trial_.spawn(try_out_bucket());
  if (files_) {
    CO_TRY(co_await tried_out());
    CO_TRY(co_await claim_directory(bucket_->name()));
  }
  // A request of a process that died may still arrive, so this is never the only writer.
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(home_, *objects_, random_,
                                                                     {.single_writer = false}));
  co_return tried_;
}

base::Task<base::Status> BrokerStorage::own_bucket() {
  CO_TRY(co_await open_metadata_in_bucket());
  co_return co_await become_owner();
}

// Takes a second or so. Meanwhile the bucket is read, but nothing is committed.
base::Task<void> BrokerStorage::try_out_bucket() {
  tried_ = co_await try_out_store(world(), *objects_, bucket_->name());
  if (!tried_ && metadata_) co_await metadata_->stop();  // nobody need wait for it
}

base::Task<base::Status> BrokerStorage::tried_out() {
  co_await trial_.stop_and_join();
  co_return tried_;
}

// The class of the store's first channel, which every owner opens: if its log is in the directory,
// the lock on that keeps others out; if it is elsewhere they need not even know of the directory.
base::Task<base::Result<StorageClass>> BrokerStorage::first_class() {
  const std::vector<StorageClass>& places = logs_->classes();
  const auto channels = CO_TRY(co_await channel::load_channel_rows(*metadata_));
  for (const auto& [id, row] : channels) {
    const StorageClass known = row.storage_class.value_or(places.front());
    if (std::ranges::find(places, known) != places.end()) continue;
    co_return base::fail(ErrorCode::kInvalidArgument,
                         "there is a log of class " + std::string(to_string(known)) +
                             ", and nothing says where: start with the --data, --store and "
                             "--chunks it was made with (" +
                             kPlacesHint + ")");
  }
  if (!channels.empty()) {
    co_return channels.front().second.storage_class.value_or(places.front());
  }
  const auto chosen = storage_class_of(config_.get_string(topics::kStorageClassConfig));
  co_return chosen.value_or(places.front());
}

// The lease is watched from the first moment, since that takes the longest.
base::Task<base::Status> BrokerStorage::become_owner() {
  use_logs();
  lease_ = std::make_unique<metadata::Lease>(
      metadata::Lease::Parts{home_, clock_, random_, *metadata_}, own_name(config_),
      metadata::LeaseOptions{.length =
                                 std::chrono::milliseconds(config_.get_int("thalweg.lease.ms"))});
  base::Result<metadata::Lease::Found> found;
  CO_TRY(co_await base::side_by_side(home_, look_at_logs(), watch_lease(found)));
  if (ahead_) co_await ahead_->stop();
  CO_TRY(co_await tried_out());
  if (!ahead_) {
    lease_.reset();
    co_return base::Status{};
  }
  base::Status taken = found ? co_await lease_->acquire(std::move(*found))
                             : std::unexpected(std::move(found).error());
  if (!taken)
    co_return base::fail(taken.error().code, bucket_->name() + ": " + taken.error().message);
  owned_ = std::make_unique<metadata::OwnedMetadataStore>(
      *metadata_, *lease_, metadata::OwnRows{metadata_.get(), channel::owner_row_prefixes()});
  lease_->on_lost([] { server::ShutdownSignals::raise(); });
  co_return base::Status{};
}

base::Task<base::Status> BrokerStorage::watch_lease(base::Result<metadata::Lease::Found>& found) {
  found = co_await lease_->wait_until_free();
  co_return base::Status{};
}

// They are read ahead, or, where the lock tells who the owner is, the lease is not waited for.
base::Task<base::Status> BrokerStorage::look_at_logs() {
  const auto first = co_await first_class();
  if (first && *first != StorageClass::kLocal) {
    std::vector<StorageClass> distant = logs_->classes();
    std::erase(distant, StorageClass::kLocal);
    ahead_ = std::make_unique<channel::LogAhead>(home_, *metadata_, *logs_, std::move(distant));
    ahead_->start();
    co_return base::Status{};
  }
  co_await lease_->stop_and_join();
  CO_TRY(first);
  co_return base::Status{};
}

metadata::MetadataStore& BrokerStorage::rows() {
  if (owned_) return *owned_;
  return *metadata_;
}

void BrokerStorage::use_logs() {
  chunk::LocalReplicaOptions options;
  options.file_bytes = base::align_up(
      static_cast<uint64_t>(config_.get_int("thalweg.log.file.bytes")), chunk::kChunkAlignment);
  logs_->use(world(), files_.get(), options);
}

base::Task<base::Status> BrokerStorage::open_store(const EntryRules& rules) {
  store_ = CO_TRY(co_await StreamStore::open({.executor = home_,
                                              .clock = clock_,
                                              .random = random_,
                                              .objects = *objects_,
                                              .metadata = rows(),
                                              .logs = *logs_,
                                              .rules = rules,
                                              .lease = lease_.get(),
                                              .ahead = ahead_.get()},
                                             store_options(config_)));
  if (ahead_) ahead_->forget();
  co_return base::Status{};
}

void BrokerStorage::write_metrics(server::MetricsText& text) const {
  text.gauge("thalweg_log_outstanding_bytes", "Bytes in the log that are not in segments yet.");
  text.sample({}, store_->outstanding_log_bytes());
  write_store_metrics(meters_, text);
}

base::Task<base::Status> BrokerStorage::stop() {
  const base::Status stopped = co_await store_->stop();
  if (ahead_) co_await ahead_->stop_and_join();
  co_await logs_->stop_and_join();
  if (!lease_) co_return stopped;
  // Whoever comes next need not wait.
  if (stopped) co_return co_await lease_->release();
  co_await lease_->stop_and_join();
  co_return lease_->lost() ? std::unexpected(*lease_->lost()) : stopped;
}

// What is not done by then stays as it is: the logs have the records, and the next start goes on
// from there.
base::Task<void> BrokerStorage::give_up_on_bucket(base::TaskGroup& closing) {
  if (!bucket_ || !co_await closing.sleep_for(kBucketCloseTimeMax)) co_return;
  base::log_warn("the bucket does not answer; ending without a clean close");
  // With a log in it, too, there is nothing that ends by itself.
  if (logs_->in_stores()) ::_exit(server::kExitFailed);
  bucket_objects_->stop();
  co_await metadata_->stop();
}

}  // namespace thalweg::storage
