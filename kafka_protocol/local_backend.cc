#include "kafka_protocol/local_backend.h"

#include <unistd.h>

#include <array>

#include "kafka_protocol/data_directory.h"
#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/settings.h"
#include "kafka_protocol/server/shutdown_signals.h"
#include "kafka_protocol/store_metrics.h"
#include "kafka_protocol/topics/cluster_row_format.h"
#include "streamcore/base/log.h"

namespace thalweg {

namespace {

constexpr std::string_view kNextProducerKey = "next/producer";
constexpr uint64_t kProducerIdBlock = 1000;  // as Kafka's ProducerIdManager

// How long a stop waits for a bucket.
constexpr base::Duration kBucketCloseTimeMax = std::chrono::seconds(5);

// Of the disk, and beyond the size limit, for what must work when either is full.
constexpr uint64_t kReserveBytes = 16 << 20;

StreamStoreOptions store_options(const server::Config& config, bool log_in_stores) {
  StreamStoreOptions options;
  const auto bytes = [&](std::string_view key) {
    return static_cast<uint64_t>(config.get_int(key));
  };
  if (log_in_stores) {
    const bool express = config.get_string("thalweg.chunks.class") == "express";
    use_storage_class(options, express ? StorageClass::kExpress : StorageClass::kStandard);
  } else {
    options.chunk_bytes_target =
        base::align_up(bytes("thalweg.chunk.target.bytes"), chunk::kChunkAlignment);
  }
  if (!config.get_string("thalweg.store").empty()) use_distant_segments(options);
  options.outstanding_log_bytes_max = bytes("thalweg.log.outstanding.max.bytes");
  options.memory_tail_bytes_max = bytes("thalweg.memory.tail.bytes");
  options.touch_memory_ahead = true;
  options.block_cache_bytes_max = bytes("thalweg.block.cache.bytes");
  options.offload_bytes = bytes("thalweg.offload.bytes");
  options.offload_interval_ms = config.get_int("thalweg.offload.interval.ms");
  return options;
}

// Topic configs whose default is a broker config that was set.
base::Result<topics::TopicDefaults> topic_defaults(const server::Config& config) {
  topics::ConfigEntries entries;
  for (const topics::TopicConfigKey& key : topics::topic_config_keys()) {
    if (key.broker_key.empty()) continue;
    if (key.name == "retention.ms") {
      const std::string retention = std::to_string(server::log_retention_ms(config));
      if (retention != key.default_value) entries.emplace_back(key.name, retention);
    } else if (!config.value(key.broker_key).is_default) {
      entries.emplace_back(key.name, config.value(key.broker_key).text);
    }
  }
  return topics::TopicDefaults::make(std::move(entries));
}

topics::ConfigType type_of(const server::ConfigKey& key) {
  switch (key.type) {
    case server::KeyType::kBool: return topics::ConfigType::kBoolean;
    case server::KeyType::kInt:
      return key.max > INT32_MAX ? topics::ConfigType::kLong : topics::ConfigType::kInt;
    case server::KeyType::kString: return topics::ConfigType::kString;
    case server::KeyType::kList: return topics::ConfigType::kList;
  }
  return topics::ConfigType::kString;
}

handlers::BrokerSettings broker_settings(const server::Config& config) {
  handlers::BrokerSettings settings;
  settings.node_id = *server::node_id(config);
  settings.num_partitions = static_cast<int32_t>(config.get_int("num.partitions"));
  settings.replication_factor = static_cast<int16_t>(config.get_int("default.replication.factor"));
  settings.auto_create_topics = config.get_bool("auto.create.topics.enable");
  settings.delete_topics = config.get_bool("delete.topic.enable");
  settings.fetch_bytes_max = static_cast<int32_t>(config.get_int("fetch.max.bytes"));
  for (const server::ConfigKey& key : server::config_keys()) {
    const server::Config::Value& value = config.value(key.name);
    settings.configs.push_back({.name = std::string(key.name),
                                .value = value.text,
                                .default_value = std::string(key.default_value),
                                .type = type_of(key),
                                .is_default = value.is_default,
                                .documentation = std::string(key.doc)});
  }
  return settings;
}

coordinator::CoordinatorOptions coordinator_options(const server::Config& config) {
  using std::chrono::milliseconds;
  coordinator::CoordinatorOptions options;
  options.groups.session_timeout_min = milliseconds(config.get_int("group.min.session.timeout.ms"));
  options.groups.session_timeout_max = milliseconds(config.get_int("group.max.session.timeout.ms"));
  options.groups.initial_rebalance_delay =
      milliseconds(config.get_int("group.initial.rebalance.delay.ms"));
  options.groups.members_max = static_cast<size_t>(config.get_int("group.max.size"));
  options.offset_metadata_bytes_max =
      static_cast<size_t>(config.get_int("offset.metadata.max.bytes"));
  options.offsets_commit_timeout = milliseconds(config.get_int("offsets.commit.timeout.ms"));
  options.offsets_retention_ms = config.get_int("offsets.retention.minutes") * 60'000;
  return options;
}

// Who this is, for another that finds the store in use.
std::string own_name(const server::Config& config) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  std::string listeners;
  for (const std::string& one : config.get_list("listeners")) listeners += " " + one;
  return "broker " + std::to_string(*server::node_id(config)) + " on " + host.data() +
         ", process " + std::to_string(::getpid()) + "," + listeners;
}

base::Task<base::Status> forget_topic(coordinator::GroupCoordinator& groups, std::string topic,
                                      wire::Uuid id) {
  const wire::KafkaError error = co_await groups.on_topic_deleted(std::move(topic), id);
  if (error == wire::KafkaError::kNone) co_return base::Status{};
  co_return base::fail(base::ErrorCode::kUnavailable,
                       "group offsets: " + std::string(wire::to_string(error)));
}

}  // namespace

base::Result<std::unique_ptr<server::Backend>> LocalBackend::open(const server::Config& config,
                                                                  server::Cores& cores) {
  std::unique_ptr<LocalBackend> backend(new LocalBackend(config, cores.home()));
  TRY(backend->find_places());
  const std::string& directory = config.get_string("thalweg.data.dir");
  if (directory.empty() && !backend->leased()) {
    return base::fail(base::ErrorCode::kInvalidArgument,
                      "thalweg.data.dir: name a directory (--data), or a bucket (--store)");
  }
  if (!directory.empty()) {
    backend->disk_ = TRY(base::PosixFileSystem::open(directory, cores.home(), {}));
  }
  base::Status opened = server::run_blocking(cores.home(), backend->open_all());
  if (!opened.has_value()) {
    // Half open: nothing that runs may be taken apart, and the process ends with this error anyway.
    (void)backend.release();
    return std::unexpected(std::move(opened).error());
  }
  return backend;
}

base::Status LocalBackend::find_places() {
  const std::string& url = config_.get_string("thalweg.store");
  if (!url.empty()) {
    auto bucket = object_store::s3::parse_s3_url(url, object_store::s3::process_environment);
    if (!bucket) {
      return base::fail(base::ErrorCode::kInvalidArgument,
                        "thalweg.store: " + bucket.error().message);
    }
    bucket_ = std::move(*bucket);
  }
  std::vector<std::string> chunks = config_.get_list("thalweg.chunks");
  if (chunks.empty() && bucket_ && config_.get_string("thalweg.data.dir").empty()) {
    chunks.push_back(url);
  }
  auto places = parse_chunk_places(chunks);
  if (!places) {
    return base::fail(places.error().code, "thalweg.chunks: " + places.error().message);
  }
  chunk_places_ = std::move(*places);
  return {};
}

base::Task<base::Status> LocalBackend::open_all() {
  CO_TRY(co_await open_storage());
  co_return co_await open_broker();
}

base::Task<base::Status> LocalBackend::open_directory() {
  const int64_t limit = config_.get_int("thalweg.data.size.limit.bytes");
  files_ = std::make_unique<base::QuotaFileSystem>(
      *disk_, "thalweg.data.size.limit.bytes",
      limit < 0 ? UINT64_MAX : static_cast<uint64_t>(limit), 0);
  CO_TRY(co_await files_->measure({"log", "objects", "tmp"}));
  co_return co_await files_->keep_reserve(home_, "reserve", kReserveBytes);
}

base::Task<base::Status> LocalBackend::open_in_directory(chunk::LocalReplicaOptions options) {
  CO_TRY(co_await bind_data_directory(*files_, ""));
  // Metadata is written only after the log was made (P8).
  options.create_if_empty = CO_TRY(co_await files_->list("objects/meta")).empty();
  CO_TRY(co_await open_log(options));
  objects_ = CO_TRY(co_await object_store::LocalObjectStore::open(*files_, home_, random_));
  // The lock on the log guarantees that nobody else writes here.
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(home_, *objects_, random_,
                                                                     {.single_writer = true}));
  co_return base::Status{};
}

base::Task<base::Status> LocalBackend::open_in_bucket(chunk::LocalReplicaOptions options) {
  auto objects = CO_TRY(co_await open_bucket(world(), *bucket_));
  bucket_objects_ = objects.get();
  objects_ = std::move(objects);
  CO_TRY(co_await try_out_store(world(), *objects_, bucket_->name()));
  if (files_) CO_TRY(co_await bind_data_directory(*files_, bucket_->name()));
  const auto rows = CO_TRY(co_await objects_->list("meta/", ""));
  options.create_if_empty = rows.objects.empty();
  base::Status opened = co_await open_log(options);
  if (!opened && chunk_places_.empty() && opened.error().code == base::ErrorCode::kNotFound) {
    co_return base::fail(base::ErrorCode::kNotFound,
                         bucket_->name() +
                             " holds a broker whose log is in another data directory (--data): "
                             "start with that one, or with another prefix");
  }
  CO_TRY(std::move(opened));
  // A request of a process that died may still arrive, so this is never the only writer.
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(home_, *objects_, random_,
                                                                     {.single_writer = false}));
  if (leased()) CO_TRY(co_await take_lease());
  co_return base::Status{};
}

base::Task<base::Status> LocalBackend::take_lease() {
  lease_ = std::make_unique<metadata::Lease>(
      metadata::Lease::Parts{home_, clock_, random_, *metadata_}, own_name(config_),
      metadata::LeaseOptions{.length =
                                 std::chrono::milliseconds(config_.get_int("thalweg.lease.ms"))});
  const base::Status taken = co_await lease_->acquire();
  if (!taken)
    co_return base::fail(taken.error().code, bucket_->name() + ": " + taken.error().message);
  owned_ = std::make_unique<metadata::OwnedMetadataStore>(*metadata_, *lease_);
  lease_->on_lost([] { server::ShutdownSignals::raise(); });
  co_return base::Status{};
}

metadata::MetadataStore& LocalBackend::rows() {
  if (owned_) return *owned_;
  return *metadata_;
}

base::Task<base::Status> LocalBackend::open_log(chunk::LocalReplicaOptions options) {
  if (chunk_places_.empty()) {
    replica_ = CO_TRY(co_await chunk::LocalReplica::open(*files_, home_, random_, options));
    co_return base::Status{};
  }
  if (files_) CO_TRY(co_await lock_directory());
  zones_ = CO_TRY(co_await ChunkZones::open(world(), chunk_places_, options.create_if_empty));
  co_return base::Status{};
}

// The lock a log in the directory would hold: one broker has the directory, wherever its log is.
base::Task<base::Status> LocalBackend::lock_directory() {
  CO_TRY(co_await files_->make_directories("log"));
  auto lock = files_->lock("log/lock");
  if (!lock && lock.error().code == base::ErrorCode::kAlreadyExists) {
    co_return base::fail(lock.error().code, "data directory is in use by another process");
  }
  lock_ = CO_TRY(std::move(lock));
  co_return base::Status{};
}

base::Task<base::Status> LocalBackend::open_storage() {
  if (disk_) CO_TRY(co_await open_directory());
  chunk::LocalReplicaOptions options;
  options.file_bytes = base::align_up(
      static_cast<uint64_t>(config_.get_int("thalweg.log.file.bytes")), chunk::kChunkAlignment);
  if (bucket_) {
    CO_TRY(co_await open_in_bucket(options));
  } else {
    CO_TRY(co_await open_in_directory(options));
  }
  std::vector<chunk::ChunkReplica*> replicas;
  if (zones_) replicas = zones_->replicas();
  if (replica_) replicas.push_back(replica_.get());
  store_ = CO_TRY(co_await StreamStore::open({.executor = home_,
                                              .clock = clock_,
                                              .random = random_,
                                              .objects = *objects_,
                                              .metadata = rows(),
                                              .replicas = std::move(replicas),
                                              .rules = rules_,
                                              .lease = lease_.get()},
                                             store_options(config_, zones_ != nullptr)));
  co_return base::Status{};
}

base::Task<base::Result<std::string>> LocalBackend::cluster_id() {
  const std::string key(topics::kClusterRowKey);
  if (const auto row = CO_TRY(co_await rows().get(key))) {
    co_return topics::decode_cluster_row(*row);
  }
  // 22 characters of base64, as Kafka's Uuid.randomUuid (B53).
  std::string id = wire::to_string(wire::Uuid{random_.next(), random_.next()});
  metadata::Transaction transaction;
  transaction.require(key, std::nullopt).set(key, topics::encode_cluster_row(id));
  CO_TRY(co_await rows().commit(std::move(transaction)));
  co_return id;
}

base::Task<base::Status> LocalBackend::open_broker() {
  settings_ = broker_settings(config_);
  settings_.cluster_id = CO_TRY(co_await cluster_id());
  topics_ = std::make_unique<topics::TopicRegistry>(
      topics::TopicRegistry::Parts{home_, clock_, random_, *store_, rows()},
      CO_TRY(topic_defaults(config_)));
  CO_TRY(co_await topics_->load());
  offsets_ = std::make_unique<coordinator::OffsetsStream>(home_, clock_, *store_, *topics_);
  groups_ = std::make_unique<coordinator::GroupCoordinator>(
      coordinator::GroupCoordinator::Parts{home_, clock_, random_, *offsets_},
      coordinator_options(config_));
  topics_->on_removed([this](std::string topic, wire::Uuid id) {
    return forget_topic(*groups_, std::move(topic), id);
  });
  CO_TRY(co_await groups_->load());
  co_await topics_->finish_removals();
  producer_ids_ = std::make_unique<metadata::IdAllocator>(
      home_, rows(), std::string(kNextProducerKey), kProducerIdBlock);
  topics_->start_retention(
      std::chrono::milliseconds(config_.get_int("log.retention.check.interval.ms")));
  broker_.reset(
      new handlers::Broker{home_, clock_, *store_, *topics_, *groups_, *producer_ids_, settings_});
  router_ = std::make_unique<handlers::RequestRouter>(*broker_);
  co_return base::Status{};
}

void LocalBackend::write_metrics(server::MetricsText& text) const {
  text.gauge("thalweg_log_outstanding_bytes", "Bytes in the log that are not in segments yet.");
  text.sample({}, store_->outstanding_log_bytes());
  write_store_metrics(meters_, text);
}

base::Task<base::Status> LocalBackend::close_all() {
  co_await broker_->tasks.stop_and_join();
  co_await topics_->stop();
  const base::Status stopped = co_await store_->stop();
  if (replica_) co_await replica_->stop_and_join();
  if (zones_) co_await zones_->stop_and_join();
  if (!lease_) co_return stopped;
  // Whoever comes next need not wait.
  if (stopped) co_return co_await lease_->release();
  co_await lease_->stop_and_join();
  co_return lease_->lost() ? std::unexpected(*lease_->lost()) : stopped;
}

// What is not done by then stays as it is: the log has the records, and the next start goes on from
// there.
base::Task<void> LocalBackend::give_up_on_bucket(base::TaskGroup& closing) {
  if (!co_await closing.sleep_for(kBucketCloseTimeMax)) co_return;
  base::log_warn("the bucket does not answer; ending without a clean close");
  // With the log in it, too, there is nothing that ends by itself.
  if (leased()) ::_exit(server::kExitFailed);
  bucket_objects_->stop();
  co_await metadata_->stop();
}

base::Task<base::Status> LocalBackend::close() {
  base::TaskGroup closing(home_);
  if (bucket_objects_ != nullptr) closing.spawn(give_up_on_bucket(closing));
  const base::Status closed = co_await close_all();
  co_await closing.stop_and_join();
  co_await metadata_->stop();
  co_return closed;
}

}  // namespace thalweg
