#include "tests/sim/owner_process.h"

#include "streamcore/channel/row_keys.h"

namespace thalweg::sim {

OwnerProcess::OwnerProcess(SimBucket& bucket, base::TimePoint start, uint64_t seed,
                           const Knobs& knobs, Plant plant)
    : executor_(start),
      clock_(executor_, plant),
      random_(seed),
      knobs_(knobs),
      planted_(plant, executor_),
      client_(bucket, executor_, random_) {
  client_.faults = knobs_.zones.network;
}

OwnerProcess::~OwnerProcess() {
  scene.reset();
  planted_.drop_frames();
  store_.reset();
  lease_.reset();
  owned_.reset();
  replica_.reset();
  metadata_.reset();
}

base::Task<base::Status> OwnerProcess::open() {
  chunk::ObjectReplicaOptions options = knobs_.zones.replica;
  options.create_if_empty = CO_TRY(co_await client_.list("meta/", "")).objects.empty();
  replica_ = CO_TRY(co_await chunk::ObjectReplica::open(client_, executor_, random_, options));
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(executor_, client_, random_,
                                                                     knobs_.metadata));
  lease_ = std::make_unique<metadata::Lease>(
      metadata::Lease::Parts{executor_, clock_, random_, planted_.wrap_for_lease(*metadata_)},
      "a process", metadata::LeaseOptions{.length = knobs_.lease});
  CO_TRY(co_await lease_->acquire());
  owned_ = std::make_unique<metadata::OwnedMetadataStore>(
      *metadata_, *lease_, metadata::OwnRows{metadata_.get(), channel::owner_row_prefixes()});
  logs_.set(StorageClass::kLocal, {replica_.get()});
  store_ = CO_TRY(co_await StreamStore::open({.executor = executor_,
                                              .clock = clock_,
                                              .random = random_,
                                              .objects = client_,
                                              .metadata = *owned_,
                                              .logs = logs_,
                                              .rules = rules_,
                                              .lease = lease_.get()},
                                             knobs_.store));
  co_return base::Status{};
}

base::Task<base::Status> OwnerProcess::stop() {
  base::Status stopped = co_await store_->stop();
  co_await replica_->stop_and_join();
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
