// OwnersRun: one simulated history of owners that follow each other over one bucket, as fast as
// they are started: the last one was killed, stands still and wakes in the midst of its
// successor's life, was stopped, or is at work (and the new one is refused).
//
// Virtual time is one for all; of the processes that are not paused the one steps whose next
// callback is due first.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/sim/owner_process.h"
#include "tests/sim/seed_run.h"

namespace thalweg::sim {

class OwnersRun {
 public:
  OwnersRun(uint64_t seed, Plant plant, bool print);

  SeedOutcome run();

 private:
  enum class Opened { kYes, kInUse, kRefused };
  using Process = std::unique_ptr<OwnerProcess>;

  void live_once();
  void follow(Process next);
  void end_old();
  void wake_old();
  void pause(OwnerProcess& process);
  void wake(OwnerProcess& process);
  ClockFaults draw_clock();
  void heal_and_check();
  Process begin();
  Opened open(OwnerProcess& process);
  void settle(OwnerProcess& process);
  void play(OwnerProcess& process);
  void stop_cleanly(OwnerProcess& process);
  void error_logged(std::string_view line);
  // Steps until the condition holds; false if it does not within `limit`.
  bool step_until(const std::function<bool()>& done, base::Duration limit);
  template <class T>
  std::optional<T> drive(base::Task<T> task, base::Duration limit, std::string_view what);
  // The process that steps next, if one is due by then.
  OwnerProcess* next_due(base::TimePoint by);

  base::SeededRandom random_;
  const Knobs knobs_;
  const Plant plant_;
  Trace trace_;
  StreamModel model_;
  SimExecutor idle_;
  SimFileSystem no_disk_;
  SimBucket bucket_;
  std::optional<SimZones> zones_;
  base::TimePoint now_;
  Process owner_;                 // the last that opened
  Process newcomer_;              // while it opens
  std::vector<Process> old_;      // whom owner_ has followed, the latest last
  bool may_be_followed_ = false;  // by one that did not open, or not yet
  bool healed_ = false;
  uint64_t crashes_ = 0;
};

}  // namespace thalweg::sim
