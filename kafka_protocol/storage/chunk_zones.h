// ChunkZones: the log of one storage class where thalweg.chunks says: one object store, or three of
// which any two are enough.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kafka_protocol/storage/store_place.h"
#include "streamcore/chunk/object_replica.h"
#include "streamcore/options.h"

namespace thalweg::storage {

// Where the log of a class is: one store, or three.
struct ChunkPlaces {
  StorageClass storage_class;
  std::vector<StorePlace> stores;
};

// An entry of thalweg.chunks: the URL of a store, which may say a class beside what is the store's
// own: s3://BUCKET/PREFIX?class=express&region=... or file:///DIRECTORY?class=express.
struct ChunkUrl {
  std::string store;  // without the class
  std::optional<StorageClass> storage_class = std::nullopt;
};
// kInvalidArgument: no class of object stores.
base::Result<ChunkUrl> parse_chunk_url(std::string_view url);

// Of the URLs of thalweg.chunks, by class, in the order in which classes are named first.
// kInvalidArgument: another number than one or three of a class, or a store twice.
base::Result<std::vector<ChunkPlaces>> parse_chunk_places(const std::vector<std::string>& urls,
                                                          StorageClass unless_named);

class ChunkZones {
 public:
  // `fresh`: no channel was opened there yet. Then every store is tried out and given its marker;
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

}  // namespace thalweg::storage
