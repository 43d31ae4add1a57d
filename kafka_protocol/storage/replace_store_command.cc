#include "kafka_protocol/storage/replace_store_command.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "kafka_protocol/server/blocking.h"
#include "kafka_protocol/server/cli.h"
#include "kafka_protocol/server/cores.h"
#include "kafka_protocol/server/loop_poller.h"
#include "kafka_protocol/storage/chunk_zones.h"
#include "kafka_protocol/storage/store_place.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/log.h"
#include "streamcore/base/posix_file_system.h"
#include "streamcore/channel/replica_succession.h"
#include "streamcore/chunk/object_marker.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/object_store/local_object_store.h"

namespace thalweg::storage {

namespace {

using base::ErrorCode;
using base::Result;
using base::Task;

constexpr size_t kZones = 3;

// What the command line says.
struct Wanted {
  std::string store_url;  // empty: metadata is in the directory
  std::string directory;
  ChunkPlaces log;
  size_t index = 0;  // of the one to replace
};

Result<Wanted> wanted_of(const server::Config& config, const std::string& url) {
  Wanted wanted{.store_url = config.get_string("thalweg.store"),
                .directory = config.get_string("thalweg.data.dir"),
                .log = {StorageClass::kStandard, {}}};
  const auto unless_named = storage_class_of(config.get_string("thalweg.chunks.class"));
  const auto logs = TRY(parse_chunk_places(config.get_list("thalweg.chunks"), *unless_named));
  if (wanted.store_url.empty() && wanted.directory.empty()) {
    return base::fail(ErrorCode::kInvalidArgument,
                      "where is the metadata? As for serve: --store, or --data");
  }
  const ChunkUrl parsed = TRY(parse_chunk_url(url));
  const StorePlace place = TRY(parse_store_url(parsed.store));
  for (const ChunkPlaces& log : logs) {
    const auto at = std::ranges::find_if(
        log.stores, [&](const StorePlace& store) { return is_same_place(store, place); });
    if (at == log.stores.end()) continue;
    wanted.log = log;
    wanted.index = static_cast<size_t>(at - log.stores.begin());
  }
  const bool found = !wanted.log.stores.empty();
  if (logs.empty() || (found && wanted.log.stores.size() != kZones)) {
    return base::fail(ErrorCode::kInvalidArgument,
                      "the three stores of the log are needed (--chunks): what a log in one store "
                      "loses is nowhere else");
  }
  if (found) return wanted;
  return base::fail(ErrorCode::kInvalidArgument, place.name() + " is none of --chunks");
}

// The metadata of the broker; its parts go in the other order.
struct Metadata {
  std::unique_ptr<base::PosixFileSystem> files;
  std::unique_ptr<base::FileLock> lock;
  OpenStore store;
  std::unique_ptr<metadata::ObjectLogMetadataStore> rows;
};

Task<Result<Metadata>> open_in_directory(StoreWorld world, const std::string& directory) {
  Metadata metadata;
  metadata.files = CO_TRY(base::PosixFileSystem::open(directory, world.executor, {}));
  CO_TRY(co_await metadata.files->make_directories("log"));
  auto lock = metadata.files->lock("log/lock");
  if (!lock && lock.error().code == ErrorCode::kAlreadyExists) {
    co_return base::fail(lock.error().code, "stop the broker first: " + directory + " is in use");
  }
  metadata.lock = CO_TRY(std::move(lock));
  metadata.store.objects = CO_TRY(
      co_await object_store::LocalObjectStore::open(*metadata.files, world.executor, world.random));
  metadata.rows = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(
      world.executor, *metadata.store.objects, world.random, {.single_writer = true}));
  co_return metadata;
}

Task<Result<Metadata>> open_metadata(StoreWorld world, const Wanted& wanted) {
  if (wanted.store_url.empty()) co_return co_await open_in_directory(world, wanted.directory);
  Metadata metadata;
  metadata.store = CO_TRY(co_await open_store(world, CO_TRY(parse_store_url(wanted.store_url))));
  metadata.rows = CO_TRY(co_await metadata::ObjectLogMetadataStore::open(
      world.executor, *metadata.store.objects, world.random, {.single_writer = false}));
  co_return metadata;
}

// The others must be there: their quorum is all that is left of the log.
Task<Result<std::vector<uint64_t>>> read_other_markers(StoreWorld world, const Wanted& wanted) {
  std::vector<uint64_t> found(wanted.log.stores.size(), 0);
  for (size_t i = 0; i < found.size(); ++i) {
    if (i == wanted.index) continue;
    const OpenStore store = CO_TRY(co_await open_store(world, wanted.log.stores[i]));
    found[i] = CO_TRY(co_await chunk::read_marker(*store.objects));
  }
  co_return found;
}

// The log that is meant is the one the other two stores have, whatever class the command line says
// or leaves out.
Task<Result<std::vector<uint64_t>>> known_stores(StoreWorld world, metadata::MetadataStore& rows,
                                                 const channel::ReplicaSuccession& succession,
                                                 const Wanted& wanted) {
  const auto logs = CO_TRY(co_await channel::replicas_of_logs(rows, succession));
  const auto found = CO_TRY(co_await read_other_markers(world, wanted));
  const auto known = channel::log_on_stores(logs, found, wanted.index);
  if (known) co_return known;
  std::string names;
  for (const StorePlace& store : wanted.log.stores) {
    names += (names.empty() ? "" : ", ") + store.name();
  }
  co_return base::fail(ErrorCode::kInvalidArgument,
                       "of the stores " + names + ": " + known.error().message);
}

Task<base::Status> replace_in(StoreWorld world, metadata::MetadataStore& rows, Wanted wanted) {
  const auto succession = CO_TRY(co_await channel::ReplicaSuccession::load(rows));
  const auto known = CO_TRY(co_await known_stores(world, rows, succession, wanted));
  const std::string name = wanted.log.stores[wanted.index].name();
  const uint64_t lost = known[wanted.index];
  const OpenStore store = CO_TRY(co_await open_store(world, wanted.log.stores[wanted.index]));
  CO_TRY(co_await try_out_store(world, *store.objects, name));
  const uint64_t marker = CO_TRY(co_await chunk::read_marker(*store.objects));
  if (marker != 0) {
    co_return base::fail(
        ErrorCode::kInvalidArgument,
        name + (marker == lost ? " is not lost: it has the marker it should. If its chunks are "
                                 "lost, empty it first"
                               : " has the marker of another log; empty it first"));
  }
  std::vector<uint64_t> ours = succession.lost();
  ours.push_back(lost);
  CO_TRY(co_await chunk::check_no_other_log(*store.objects, marker, ours));
  // The row first: a marker without a row would be anybody's. Without its marker the store is
  // emptied once more, and the command begins anew.
  uint64_t successor = 0;
  while (successor == 0) successor = world.random.next();
  CO_TRY(co_await channel::replace_replica(rows, lost, successor));
  const uint64_t made = CO_TRY(co_await chunk::create_marker(*store.objects, successor));
  if (made == successor) co_return base::Status{};
  co_return base::fail(ErrorCode::kAlreadyExists, name + " was just given another's marker");
}

// On the home core, from the first request to the last connection's end.
Task<base::Status> replace(server::AsioExecutor& home, Wanted wanted) {
  server::LoopPoller poller(home);
  base::SystemClock clock;
  base::SystemRandom random;
  const StoreWorld world{home, poller, clock, random};
  const Metadata metadata = CO_TRY(co_await open_metadata(world, wanted));
  const base::Status replaced = co_await replace_in(world, *metadata.rows, std::move(wanted));
  co_await metadata.rows->stop();
  co_return replaced;
}

}  // namespace

int replace_store_command(const server::Config& config, const std::string& url, std::ostream& out,
                          std::ostream& err) {
  base::set_log_level(base::LogLevel::kError);
  auto wanted = wanted_of(config, url);
  if (!wanted) {
    err << "thalweg: " << wanted.error().message << std::endl;
    return server::kExitMisuse;
  }
  const std::string name = wanted->log.stores[wanted->index].name();
  server::Cores cores(1);
  cores.start();
  const auto replaced =
      server::run_blocking(cores.home(), replace(cores.home(), std::move(*wanted)));
  cores.stop_and_join();
  if (!replaced) {
    err << "thalweg: " << replaced.error().message << std::endl;
    return server::kExitFailed;
  }
  out << name << " is a new store of the log. Start the broker (again): from then on it holds what "
      << "is written, and what\nonly two stores hold is moved to segments at once." << std::endl;
  return server::kExitDone;
}

}  // namespace thalweg::storage
