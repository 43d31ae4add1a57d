#include "tests/sim/owner_process.h"

#include "streamcore/channel/row_keys.h"

namespace thalweg::sim {

OwnerProcess::OwnerProcess(World world, base::TimePoint start, uint64_t seed, const Knobs& knobs,
                           Plant plant, ClockFaults clock)
    : executor_(start),
      clock_(executor_, clock),
      random_(seed),
      knobs_(knobs),
      planted_(plant, executor_),
      client_(world.bucket, executor_, random_) {
  client_.faults = knobs_.zones.network;
  if (world.zones != nullptr) zone_clients_.emplace(*world.zones, executor_, random_);
}

OwnerProcess::~OwnerProcess() {
  scene.reset();
  planted_.drop_frames();
  store_.reset();
  ahead_.reset();
  lease_.reset();
  owned_.reset();
  replicas_.clear();
  metadata_.reset();
}

base::Task<base::Status> OwnerProcess::open_log(object_store::ObjectStore& objects) {
  chunk::ObjectReplicaOptions options = knobs_.zones.replica;
  options.create_if_empty = CO_TRY(co_await objects.list("meta/", "")).objects.empty();
  for (size_t i = 0; i < (zone_clients_ ? kZones : 1); ++i) {
    object_store::ObjectStore& zone = zone_clients_ ? (*zone_clients_)[i] : objects;
    replicas_.push_back(
        CO_TRY(co_await chunk::ObjectReplica::open(zone, executor_, random_, options)));
  }
  co_return base::Status{};
}

base::Task<base::Status> OwnerProcess::open() {
  object_store::ObjectStore& objects = planted_.wrap(client_);
  CO_TRY(co_await open_log(objects));
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(executor_, objects, random_,
                                                                     knobs_.metadata));
  lease_ = std::make_unique<metadata::Lease>(
      metadata::Lease::Parts{executor_, clock_, random_, planted_.wrap_for_lease(*metadata_)},
      "a process", metadata::LeaseOptions{.length = knobs_.lease});
  std::vector<chunk::ChunkReplica*> replicas;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    replicas.push_back(&planted_.wrap(*replicas_[i], i));
  }
  logs_.set(StorageClass::kLocal, replicas);
  ahead_ = std::make_unique<channel::LogAhead>(executor_, *metadata_, logs_,
                                               std::vector{StorageClass::kLocal});
  ahead_->start();
  CO_TRY(co_await lease_->acquire());
  co_await ahead_->stop();
  owned_ = std::make_unique<metadata::OwnedMetadataStore>(
      planted_.wrap(*metadata_), *lease_,
      metadata::OwnRows{metadata_.get(), channel::owner_row_prefixes()});
  store_ = CO_TRY(co_await StreamStore::open({.executor = executor_,
                                              .clock = clock_,
                                              .random = random_,
                                              .objects = objects,
                                              .metadata = *owned_,
                                              .logs = logs_,
                                              .rules = rules_,
                                              .lease = planted_.lease_of_store(lease_.get()),
                                              .ahead = ahead_.get()},
                                             knobs_.store));
  ahead_->forget();
  users_store_ = &planted_.wrap(*store_, lease_.get());
  co_return base::Status{};
}

base::Task<base::Status> OwnerProcess::stop() {
  base::Status stopped = co_await store_->stop();
  co_await ahead_->stop_and_join();
  for (const auto& replica : replicas_) co_await replica->stop_and_join();
  if (stopped) stopped = co_await lease_->release();
  co_await lease_->stop_and_join();
  co_await metadata_->stop();
  co_return stopped;
}

void OwnerProcess::wake(base::TimePoint now) {
  if (!paused_) return;
  paused_ = false;
  clock_.stood_still(now - executor_.now());
  executor_.wake_at(now);
}

}  // namespace thalweg::sim
