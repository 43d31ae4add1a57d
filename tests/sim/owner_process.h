// OwnerProcess: one incarnation of the log engine without a disk: log, segments and metadata in one
// bucket, or the log in three zones; its ownership told by a lease. Others may live beside it.
//
// pause() is a SIGSTOP: the process makes no step until wake(), while its requests stay on their
// way. Destroying it is a kill -9.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "streamcore/channel/log_ahead.h"
#include "streamcore/chunk/object_replica.h"
#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/metadata/owned_metadata_store.h"
#include "streamcore/stream_store.h"
#include "tests/sim/actors.h"
#include "tests/sim/plants.h"
#include "tests/sim/sim_bucket.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/workload_rules.h"
#include "tests/streamcore/stream/open_logs.h"

namespace thalweg::sim {

// What is wrong with a machine's clock.
struct ClockFaults {
  uint32_t rate_percent = 100;
  bool counts_pauses = true;  // what it slept
};

class MachineClock final : public base::Clock {
 public:
  MachineClock(base::Executor& executor, ClockFaults faults) : clock_(executor), faults_(faults) {}
  base::Timestamp wall_now() override { return clock_.wall_now(); }
  std::chrono::nanoseconds since_boot() override {
    const auto counted =
        clock_.since_boot() - (faults_.counts_pauses ? base::Duration(0) : paused_);
    return counted * faults_.rate_percent / 100;
  }
  void stood_still(base::Duration pause) { paused_ += pause; }
  SimClock& wall() { return clock_; }
  const ClockFaults& faults() const { return faults_; }

 private:
  SimClock clock_;
  const ClockFaults faults_;
  base::Duration paused_{0};
};

class OwnerProcess {
 public:
  struct World {
    SimBucket& bucket;
    SimZones* zones;  // of the log; null: it is in the bucket too
  };
  OwnerProcess(World world, base::TimePoint start, uint64_t seed, const Knobs& knobs, Plant plant,
               ClockFaults clock);
  OwnerProcess(const OwnerProcess&) = delete;
  OwnerProcess& operator=(const OwnerProcess&) = delete;
  ~OwnerProcess();

  base::Task<base::Status> open();
  base::Task<base::Status> stop();
  void pause() { paused_ = true; }
  void wake(base::TimePoint now);
  bool paused() const { return paused_; }

  SimExecutor& executor() { return executor_; }
  StreamStore& store() { return *users_store_; }
  const metadata::Lease& lease() const { return *lease_; }
  BucketClient& network() { return client_; }
  MachineClock& clock() { return clock_; }
  std::optional<Scene> scene;  // of its users, once it is open

 private:
  base::Task<base::Status> open_log(object_store::ObjectStore& objects);

  SimExecutor executor_;
  MachineClock clock_;
  base::SeededRandom random_;
  const Knobs& knobs_;
  Planted planted_;
  WorkloadRules rules_;
  BucketClient client_;
  std::optional<ZoneClients> zone_clients_;
  std::vector<std::unique_ptr<chunk::ObjectReplica>> replicas_;
  OpenLogs logs_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<metadata::Lease> lease_;
  std::unique_ptr<metadata::OwnedMetadataStore> owned_;
  std::unique_ptr<channel::LogAhead> ahead_;
  std::unique_ptr<StreamStore> store_;
  StreamStore* users_store_ = nullptr;  // as its users see it
  bool paused_ = false;
};

}  // namespace thalweg::sim
