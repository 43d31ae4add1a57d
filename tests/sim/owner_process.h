// OwnerProcess: one incarnation of the log engine without a disk: log, segments and metadata in one
// bucket, its ownership told by a lease. Others may live beside it.
//
// pause() is a SIGSTOP: the process makes no step until wake(), while its requests stay on their
// way. Destroying it is a kill -9.
#pragma once

#include <memory>
#include <optional>

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

// A machine's clock; under a plant one that does not count what it slept.
class LeaseClock final : public base::Clock {
 public:
  LeaseClock(base::Executor& executor, Plant plant)
      : clock_(executor), counts_pauses_(plant != Plant::kPauseNotCounted) {}
  base::Timestamp wall_now() override { return clock_.wall_now(); }
  std::chrono::nanoseconds since_boot() override {
    return clock_.since_boot() - (counts_pauses_ ? base::Duration(0) : paused_);
  }
  void stood_still(base::Duration pause) { paused_ += pause; }

 private:
  SimClock clock_;
  const bool counts_pauses_;
  base::Duration paused_{0};
};

class OwnerProcess {
 public:
  OwnerProcess(SimBucket& bucket, base::TimePoint start, uint64_t seed, const Knobs& knobs,
               Plant plant);
  OwnerProcess(const OwnerProcess&) = delete;
  OwnerProcess& operator=(const OwnerProcess&) = delete;
  ~OwnerProcess();

  base::Task<base::Status> open();
  base::Task<base::Status> stop();
  void pause() { paused_ = true; }
  void wake(base::TimePoint now);
  bool paused() const { return paused_; }

  SimExecutor& executor() { return executor_; }
  StreamStore& store() { return *store_; }
  const metadata::Lease& lease() const { return *lease_; }
  BucketClient& network() { return client_; }
  std::optional<Scene> scene;  // of its users, once it is open

 private:
  SimExecutor executor_;
  LeaseClock clock_;
  base::SeededRandom random_;
  const Knobs& knobs_;
  Planted planted_;
  WorkloadRules rules_;
  BucketClient client_;
  std::unique_ptr<chunk::ObjectReplica> replica_;
  OpenLogs logs_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<metadata::Lease> lease_;
  std::unique_ptr<metadata::OwnedMetadataStore> owned_;
  std::unique_ptr<StreamStore> store_;
  bool paused_ = false;
};

}  // namespace thalweg::sim
