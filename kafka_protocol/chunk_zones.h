// ChunkZones: the chunk log where thalweg.chunks says: one object store, or three of which any two
// are enough.
#pragma once

#include <memory>
#include <vector>

#include "kafka_protocol/store_place.h"
#include "streamcore/chunk/object_replica.h"

namespace thalweg {

// Of the URLs of thalweg.chunks. kInvalidArgument: another number than one or three, or one twice.
base::Result<std::vector<StorePlace>> parse_chunk_places(const std::vector<std::string>& urls);

class ChunkZones {
 public:
  // `fresh`: there is no metadata yet. Then every store is tried out and given its marker;
  // otherwise one that is away is used once it is back.
  static base::Task<base::Result<std::unique_ptr<ChunkZones>>> open(StoreWorld world,
                                                                    std::vector<StorePlace> places,
                                                                    bool fresh);

  std::vector<chunk::ChunkReplica*> replicas() const;
  base::Task<void> stop_and_join();

 private:
  struct Zone {
    OpenStore store;
    std::unique_ptr<chunk::ObjectReplica> replica;
  };
  static base::Task<base::Result<Zone>> open_zone(StoreWorld world, StorePlace place, bool fresh);

  std::vector<Zone> zones_;
};

}  // namespace thalweg
