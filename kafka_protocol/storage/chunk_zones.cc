#include "kafka_protocol/storage/chunk_zones.h"

#include <algorithm>
#include <utility>

namespace thalweg::storage {

using base::ErrorCode;
using base::Result;
using base::Task;

namespace {

constexpr std::string_view kClassParameter = "class=";

Result<StorageClass> parse_class(std::string_view name) {
  const auto storage_class = storage_class_of(name);
  if (storage_class && *storage_class != StorageClass::kLocal) return *storage_class;
  return base::fail(ErrorCode::kInvalidArgument,
                    "class '" + std::string(name) + "' of a store is neither standard nor express");
}

base::Status check_not_named(const std::vector<ChunkPlaces>& named, const StorePlace& place) {
  for (const ChunkPlaces& places : named) {
    for (const StorePlace& other : places.stores) {
      if (!is_same_place(place, other)) continue;
      return base::fail(ErrorCode::kInvalidArgument,
                        place.name() + " is named twice: a copy there would count as two");
    }
  }
  return {};
}

}  // namespace

Result<ChunkUrl> parse_chunk_url(std::string_view url) {
  const size_t question = std::min(url.find('?'), url.size());
  ChunkUrl parsed{.store = std::string(url.substr(0, question))};
  char separator = '?';
  for (std::string_view rest = url.substr(std::min(question + 1, url.size())); !rest.empty();) {
    const std::string_view parameter = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(parameter.size() + 1, rest.size()));
    if (parameter.starts_with(kClassParameter)) {
      parsed.storage_class = TRY(parse_class(parameter.substr(kClassParameter.size())));
    } else {
      parsed.store += separator + std::string(parameter);
      separator = '&';
    }
  }
  return parsed;
}

Result<std::vector<ChunkPlaces>> parse_chunk_places(const std::vector<std::string>& urls,
                                                    StorageClass unless_named) {
  std::vector<ChunkPlaces> named;
  for (const std::string& url : urls) {
    const ChunkUrl parsed = TRY(parse_chunk_url(url));
    StorePlace place = TRY(parse_store_url(parsed.store));
    TRY(check_not_named(named, place));
    const StorageClass storage_class = parsed.storage_class.value_or(unless_named);
    auto places = std::ranges::find(named, storage_class, &ChunkPlaces::storage_class);
    if (places == named.end()) places = named.insert(named.end(), {storage_class, {}});
    places->stores.push_back(std::move(place));
  }
  for (const ChunkPlaces& places : named) {
    if (places.stores.size() == 1 || places.stores.size() == 3) continue;
    return base::fail(ErrorCode::kInvalidArgument,
                      "one store or three are needed, got " + std::to_string(places.stores.size()) +
                          " of class " + std::string(to_string(places.storage_class)));
  }
  return named;
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

}  // namespace thalweg::storage
