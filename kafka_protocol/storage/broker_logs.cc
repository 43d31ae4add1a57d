#include "kafka_protocol/storage/broker_logs.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::storage {

using base::Task;

BrokerLogs::BrokerLogs(std::vector<ChunkPlaces> chunks, bool directory,
                       std::optional<StorePlace> bucket)
    : bucket_(bucket ? bucket->name() : "") {
  bool bucket_is_free = bucket.has_value();
  for (ChunkPlaces& places : chunks) {
    for (const StorePlace& place : places.stores) {
      bucket_is_free = bucket_is_free && !is_same_place(place, *bucket);
    }
    classes_.push_back(places.storage_class);
    places_[places.storage_class] = std::move(places.stores);
  }
  if (directory) classes_.push_back(StorageClass::kLocal);
  if (!bucket_is_free || places_.contains(StorageClass::kStandard)) return;
  classes_.push_back(StorageClass::kStandard);
  places_[StorageClass::kStandard].push_back(std::move(*bucket));
}

void BrokerLogs::use(StoreWorld world, base::FileSystem* files,
                     chunk::LocalReplicaOptions options) {
  world_.emplace(world);
  files_ = files;
  local_options_ = options;
}

Task<base::Result<std::vector<chunk::ChunkReplica*>>> BrokerLogs::open(StorageClass storage_class,
                                                                       bool fresh) {
  CHECK(std::ranges::find(classes_, storage_class) != classes_.end());
  if (storage_class == StorageClass::kLocal) {
    if (!local_) CO_TRY(co_await open_local(fresh));
    co_return std::vector<chunk::ChunkReplica*>{local_.get()};
  }
  if (!zones_.contains(storage_class)) CO_TRY(co_await open_zones(storage_class, fresh));
  co_return zones_.at(storage_class)->replicas();
}

Task<base::Status> BrokerLogs::open_local(bool fresh) {
  chunk::LocalReplicaOptions options = local_options_;
  options.create_if_empty = fresh;
  auto opened =
      co_await chunk::LocalReplica::open_locked(*files_, world_->executor, world_->random, options);
  if (!opened && opened.error().code == base::ErrorCode::kNotFound && !fresh && !bucket_.empty()) {
    co_return base::fail(base::ErrorCode::kNotFound,
                         bucket_ +
                             " holds a broker whose log is in another data directory (--data): "
                             "start with that one, or with another prefix");
  }
  local_ = CO_TRY(std::move(opened));
  co_return base::Status{};
}

Task<base::Status> BrokerLogs::open_zones(StorageClass storage_class, bool fresh) {
  auto zones = CO_TRY(co_await ChunkZones::open(*world_, places_.at(storage_class), fresh));
  zones_.emplace(storage_class, std::move(zones));
  co_return base::Status{};
}

Task<void> BrokerLogs::stop_and_join() {
  if (local_) co_await local_->stop_and_join();
  for (const auto& [storage_class, zones] : zones_) co_await zones->stop_and_join();
}

}  // namespace thalweg::storage
