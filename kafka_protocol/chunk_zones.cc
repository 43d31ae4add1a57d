#include "kafka_protocol/chunk_zones.h"

#include <utility>

namespace thalweg {

using base::ErrorCode;
using base::Result;
using base::Task;

Result<std::vector<StorePlace>> parse_chunk_places(const std::vector<std::string>& urls) {
  std::vector<StorePlace> places;
  for (const std::string& url : urls) {
    StorePlace place = TRY(parse_store_url(url));
    for (const StorePlace& other : places) {
      if (!is_same_place(place, other)) continue;
      return base::fail(ErrorCode::kInvalidArgument,
                        place.name() + " is named twice: a copy there would count as two");
    }
    places.push_back(std::move(place));
  }
  if (places.size() > 1 && places.size() != 3) {
    return base::fail(ErrorCode::kInvalidArgument,
                      "one store or three are needed, got " + std::to_string(places.size()));
  }
  return places;
}

Task<Result<ChunkZones::Zone>> ChunkZones::open_zone(StoreWorld world, StorePlace place,
                                                     bool fresh) {
  Zone zone;
  const std::string name = place.name();
  if (fresh) {
    zone.store = CO_TRY(co_await open_store(world, std::move(place)));
    CO_TRY(co_await try_out_store(world, *zone.store.objects, name));
  } else {
    zone.store = CO_TRY(co_await open_store_or_defer(world, std::move(place)));
  }
  auto replica =
      co_await chunk::ObjectReplica::open(*zone.store.objects, world.executor, world.random,
                                          chunk::ObjectReplicaOptions{.create_if_empty = fresh});
  if (!replica) co_return base::fail(replica.error().code, name + ": " + replica.error().message);
  zone.replica = std::move(*replica);
  co_return zone;
}

Task<Result<std::unique_ptr<ChunkZones>>> ChunkZones::open(StoreWorld world,
                                                           std::vector<StorePlace> places,
                                                           bool fresh) {
  auto zones = std::make_unique<ChunkZones>();
  for (StorePlace& place : places) {
    const std::string name = place.name();
    Zone zone = CO_TRY(co_await open_zone(world, std::move(place), fresh));
    // One store by two names: its one copy would count as a quorum.
    const uint64_t incarnation = zone.replica->incarnation();
    for (const Zone& other : zones->zones_) {
      if (incarnation == 0 || other.replica->incarnation() != incarnation) continue;
      co_return base::fail(ErrorCode::kInvalidArgument,
                           name +
                               " is a store that is already named: a copy there would count "
                               "as two");
    }
    zones->zones_.push_back(std::move(zone));
  }
  co_return zones;
}

std::vector<chunk::ChunkReplica*> ChunkZones::replicas() const {
  std::vector<chunk::ChunkReplica*> all;
  for (const Zone& zone : zones_) all.push_back(zone.replica.get());
  return all;
}

Task<void> ChunkZones::stop_and_join() {
  for (const Zone& zone : zones_) co_await zone.replica->stop_and_join();
}

}  // namespace thalweg
