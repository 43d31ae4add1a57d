// BrokerLogs: where the log of each storage class is: local in the data directory, standard and
// express where thalweg.chunks says, standard otherwise in the bucket of segments and metadata.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka_protocol/storage/chunk_zones.h"
#include "streamcore/base/file_system.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/log_places.h"

namespace thalweg::storage {

class BrokerLogs final : public LogPlaces {
 public:
  // The first class is the first one of `chunks`, otherwise local if there is a directory,
  // otherwise that of `bucket`, which is no place of its own if `chunks` has it, or that class.
  BrokerLogs(std::vector<ChunkPlaces> chunks, bool directory, std::optional<StorePlace> bucket);

  // Before the store is opened. `files`: of the directory, whose lock somebody holds; or null.
  // Everything outlives the logs.
  void use(StoreWorld world, base::FileSystem* files, chunk::LocalReplicaOptions options);

  const std::vector<StorageClass>& classes() const override { return classes_; }
  base::Task<base::Result<std::vector<chunk::ChunkReplica*>>> open(StorageClass storage_class,
                                                                   bool fresh) override;
  // One that is open is in object stores.
  bool in_stores() const { return !zones_.empty(); }
  base::Task<void> stop_and_join();

 private:
  base::Task<base::Status> open_local(bool fresh);
  base::Task<base::Status> open_zones(StorageClass storage_class, bool fresh);

  const std::string bucket_;  // its name, if there is one
  std::vector<StorageClass> classes_;
  std::map<StorageClass, std::vector<StorePlace>> places_;  // of all but local
  std::optional<StoreWorld> world_;
  base::FileSystem* files_ = nullptr;
  chunk::LocalReplicaOptions local_options_;
  std::unique_ptr<chunk::LocalReplica> local_;                 // once it is open
  std::map<StorageClass, std::unique_ptr<ChunkZones>> zones_;  // likewise
};

}  // namespace thalweg::storage
