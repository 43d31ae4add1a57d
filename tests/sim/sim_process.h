// SimProcess: one incarnation of the log engine on a simulated disk: the real object store,
// metadata log, local replica (or three over buckets) and stream store, on an executor of its own.
//
// Destroying it is the crash: frames go first, then objects, then the executor; the disk's crash()
// comes between the last two (power_cut()). A plant is a known bug wrapped around one of the parts,
// to prove that the workload sees it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "streamcore/base/quota_file_system.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/object_store/local_object_store.h"
#include "streamcore/stream_store.h"
#include "tests/sim/knobs.h"
#include "tests/sim/plants.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/workload_rules.h"
#include "tests/streamcore/stream/open_logs.h"

namespace thalweg::sim {

class SimProcess {
 public:
  static constexpr std::string_view kReservePath = "reserve";
  static constexpr uint64_t kReserveBytes = 1 << 20;

  // Takes over the disk, and the zones if there are any. `seed` makes the process's own randomness.
  SimProcess(SimFileSystem& disk, base::TimePoint start, uint64_t seed, const Knobs& knobs,
             Plant plant, SimZones* zones = nullptr);
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;
  ~SimProcess();

  // Opens everything; what a restarted server does.
  base::Task<base::Status> open();
  // What an operator's command does with a zone that lost everything; instead
  // of open().
  base::Task<base::Status> replace_zone(size_t zone);
  // Closes everything in order.
  base::Task<base::Status> stop();
  // Destroys every frame and object of the process; the executor and the disk stay.
  void drop();

  SimExecutor& executor() { return executor_; }
  StreamStore& store() { return *users_store_; }
  metadata::MetadataStore& metadata() { return *metadata_; }
  SimClock& clock() { return clock_; }
  object_store::ObjectStore& objects() { return *objects_; }

 private:
  base::Task<base::Status> open_objects();
  base::Task<base::Status> open_metadata();
  base::Task<base::Status> open_log();
  base::Task<base::Status> open_zones();

  SimExecutor executor_;
  SimClock clock_;
  base::SeededRandom random_;
  const Knobs& knobs_;
  Planted planted_;
  WorkloadRules rules_;
  base::QuotaFileSystem files_;
  std::unique_ptr<object_store::LocalObjectStore> objects_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  SimZones* const zones_;
  std::optional<ZoneClients> zone_clients_;
  std::unique_ptr<chunk::LocalReplica> replica_;
  std::vector<std::unique_ptr<chunk::ObjectReplica>> zone_replicas_;
  std::vector<chunk::ChunkReplica*> replicas_;  // as the store sees them
  OpenLogs logs_;
  std::unique_ptr<StreamStore> store_;
  StreamStore* users_store_ = nullptr;  // as its users see it
};

}  // namespace thalweg::sim
