#include "tests/sim/sim_process.h"

#include "streamcore/channel/replica_succession.h"
#include "streamcore/chunk/object_marker.h"

namespace thalweg::sim {

SimProcess::SimProcess(SimFileSystem& disk, base::TimePoint start, uint64_t seed,
                       const Knobs& knobs, Plant plant, SimZones* zones)
    : executor_(start),
      clock_(executor_),
      random_(seed),
      knobs_(knobs),
      planted_(plant, executor_),
      files_(planted_.wrap(disk), "no limit", UINT64_MAX, 0),
      zones_(zones) {
  disk.attach(executor_);
  if (zones_ != nullptr) zone_clients_.emplace(*zones_, executor_, random_);
}

SimProcess::~SimProcess() { drop(); }

base::Task<base::Status> SimProcess::open_objects() {
  CO_TRY(co_await files_.measure({"log", "objects", "tmp"}));
  CO_TRY(co_await files_.keep_reserve(executor_, std::string(kReservePath), kReserveBytes));
  objects_ = CO_TRY(co_await object_store::LocalObjectStore::open(files_, executor_, random_));
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::open_metadata() {
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(executor_, *objects_, random_,
                                                                     knobs_.metadata));
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::open() {
  CO_TRY(co_await open_objects());
  if (zones_ != nullptr) CO_TRY(co_await open_zones());
  CO_TRY(co_await open_metadata());
  if (zones_ == nullptr) CO_TRY(co_await open_log());
  logs_.set(StorageClass::kLocal, replicas_);
  StreamStore::Parts parts{.executor = executor_,
                           .clock = clock_,
                           .random = random_,
                           .objects = planted_.wrap(*objects_),
                           .metadata = planted_.wrap(*metadata_),
                           .logs = logs_,
                           .rules = planted_.wrap(rules_)};
  store_ = CO_TRY(co_await StreamStore::open(parts, knobs_.store));
  users_store_ = &planted_.wrap(*store_);
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::replace_zone(size_t zone) {
  CO_TRY(co_await open_objects());
  CO_TRY(co_await open_metadata());
  const auto succession = CO_TRY(co_await channel::ReplicaSuccession::load(*metadata_));
  const auto logs = CO_TRY(co_await channel::replicas_of_logs(*metadata_, succession));
  const uint64_t successor = random_.next();
  CO_TRY(co_await channel::replace_replica(*metadata_, logs.front()[zone], successor));
  for (;;) {
    const auto marker = co_await chunk::create_marker((*zone_clients_)[zone], successor);
    if (marker || marker.error().code != base::ErrorCode::kUnavailable) break;
    co_await base::sleep_for(executor_, std::chrono::milliseconds(100));
  }
  co_await metadata_->stop();
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::open_log() {
  replica_ = CO_TRY(co_await chunk::LocalReplica::open(files_, executor_, random_, knobs_.replica));
  replicas_ = {&planted_.wrap(*replica_)};
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::open_zones() {
  chunk::ObjectReplicaOptions options = knobs_.zones.replica;
  options.create_if_empty = CO_TRY(co_await files_.list("objects/meta")).empty();
  for (size_t i = 0; i < kZones; ++i) {
    zone_replicas_.push_back(CO_TRY(
        co_await chunk::ObjectReplica::open((*zone_clients_)[i], executor_, random_, options)));
    replicas_.push_back(&planted_.wrap(*zone_replicas_[i], i));
  }
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::stop() {
  const base::Status stopped = co_await store_->stop();
  if (replica_ != nullptr) co_await replica_->stop_and_join();
  for (const auto& replica : zone_replicas_) co_await replica->stop_and_join();
  co_await metadata_->stop();
  co_return stopped;
}

void SimProcess::drop() {
  planted_.drop_frames();
  store_.reset();
  replica_.reset();
  zone_replicas_.clear();
  zone_clients_.reset();
  metadata_.reset();
  objects_.reset();
}

}  // namespace thalweg::sim
