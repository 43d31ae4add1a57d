#include "tests/sim/sim_process.h"

namespace thalweg::sim {

SimProcess::SimProcess(SimFileSystem& disk, base::TimePoint start, uint64_t seed,
                       const Knobs& knobs, Plant plant)
    : executor_(start),
      clock_(executor_),
      random_(seed),
      knobs_(knobs),
      planted_(plant, executor_),
      files_(planted_.wrap(disk), "no limit", UINT64_MAX, 0) {
  disk.attach(executor_);
}

SimProcess::~SimProcess() { drop(); }

base::Task<base::Status> SimProcess::open() {
  CO_TRY(co_await files_.measure({"log", "objects", "tmp"}));
  CO_TRY(co_await files_.keep_reserve(executor_, std::string(kReservePath), kReserveBytes));
  objects_ = CO_TRY(co_await object_store::LocalObjectStore::open(files_, executor_, random_));
  metadata_ = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(executor_, *objects_, random_,
                                                                     knobs_.metadata));
  replica_ = CO_TRY(co_await chunk::LocalReplica::open(files_, executor_, random_, knobs_.replica));
  StreamStore::Parts parts{.executor = executor_,
                           .clock = clock_,
                           .random = random_,
                           .objects = *objects_,
                           .metadata = planted_.wrap(*metadata_),
                           .replicas = {&planted_.wrap(*replica_)},
                           .rules = planted_.wrap(rules_)};
  store_ = CO_TRY(co_await StreamStore::open(std::move(parts), knobs_.store));
  co_return base::Status{};
}

base::Task<base::Status> SimProcess::stop() {
  const base::Status stopped = co_await store_->stop();
  co_await replica_->stop_and_join();
  co_await metadata_->stop();
  co_return stopped;
}

void SimProcess::drop() {
  planted_.drop_frames();
  store_.reset();
  replica_.reset();
  metadata_.reset();
  objects_.reset();
}

}  // namespace thalweg::sim
