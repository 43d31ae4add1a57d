// SeedRun: one simulated history. A seed draws the knobs; then processes live on one disk, one
// after the other, each ended by a crash at any step (also while it opens, stops or drains) or by a
// clean stop; then everything is healed and must drain.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/sim/actors.h"
#include "tests/sim/sim_process.h"

namespace thalweg::sim {

struct SeedOutcome {
  std::optional<std::string> violation;
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  uint64_t acked = 0;
  uint64_t crashes = 0;
  FaultCounts fired;
  base::Duration simulated{0};   // how long the history took in its own time
  bool damage_reported = false;  // bit rot was found and reported, which ends the run
};

class SeedRun {
 public:
  SeedRun(uint64_t seed, World world, Plant plant, bool print);

  SeedOutcome run();

 private:
  enum class Opened { kYes, kCrashed, kRefused };

  void live_once();
  bool fill_before_open();
  void live(Scene& scene);
  void stop_cleanly(Scene& scene);
  void end_process(bool crashed);
  void heal_and_drain();
  void drain(Scene& scene);
  void rot();
  void replace_zone();
  void begin_process();
  Opened open_process();
  // Steps until the task is done. Nothing if the run was stopped; a violation if it takes longer
  // than `limit`.
  template <class T>
  std::optional<T> drive(base::Task<T> task, base::Duration limit, std::string_view what);
  void error_logged(std::string_view line);
  void must(base::Task<base::Status> task, base::Duration limit, std::string_view what);
  bool over() const { return trace_.violated() || damage_reported_; }
  Scene make_scene();

  base::SeededRandom random_;
  base::SeededRandom disk_random_;
  const Knobs knobs_;
  const Plant plant_;
  Trace trace_;
  std::optional<SimZones> zones_;
  StreamModel model_;
  SimExecutor idle_;  // the disk's, while there is no process
  SimFileSystem disk_;
  std::unique_ptr<SimProcess> process_;
  base::TimePoint now_;
  uint64_t failed_syncs_before_ = 0;  // the process began
  bool rotted_ = false;
  bool healed_ = false;
  bool damage_reported_ = false;
  uint64_t crashes_ = 0;
};

// The command that repeats a seed and shows what happens.
std::string command_of(uint64_t seed, World world);
// One line with the command of the seed under way when the process aborts.
void announce_seed_on_abort();
SeedOutcome run_seed(uint64_t seed, World world, Plant plant, bool print);

}  // namespace thalweg::sim
