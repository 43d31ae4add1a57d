// Actors: the concurrent users of one process's StreamStore. Each loops until the scene's group is
// asked to stop, tells the model what it was answered, and reports answers that no fault explains.
#pragma once

#include <functional>

#include "streamcore/base/task_group.h"
#include "streamcore/stream_store.h"
#include "tests/sim/knobs.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/stream_model.h"

namespace thalweg::sim {

// One process's stage. The faults that were played explain some errors of it.
struct Scene {
  base::Executor& executor;
  StreamStore& store;
  SimFileSystem& disk;
  StreamModel& model;
  Trace& trace;
  base::Random& random;
  const Knobs& knobs;
  SimZones* zones = nullptr;
  SimClock* wall = nullptr;  // of the process
  bool leased = false;       // there may be another owner
  // Clocks that run wrong prove nothing: whether nobody followed this process yet. Null: they do.
  std::function<bool()> is_newest = nullptr;
  bool asks_for_proof = true;        // before it believes where a stream ends
  bool waits_before_refusal = true;  // until what it was judged by is durable
  bool disk_was_full = false;
  bool write_failed = false;
  bool bit_rot = false;
  bool stopping = false;

  // The durable tails that were announced, and never less.
  class Tails final : public TailWatch {
   public:
    Tails(StreamModel& model, Trace& trace) : model_(model), trace_(trace) {}
    void tail_moved(StreamId stream, Offset durable_tail) override;

   private:
    StreamModel& model_;
    Trace& trace_;
  };
  Tails tails{model, trace};
  base::TaskGroup tasks{executor};  // last: its frames use everything above

  // Whether it must be right about everything now, as far as the world can tell.
  bool is_owner() const { return is_newest ? is_newest() : store.is_owner(); }
  bool percent(uint64_t chance) { return random.below(100) < chance; }
  // Reports an error that nothing played so far explains.
  void explain(std::string_view what, const base::Error& error);
};

// Spawns all actors the knobs ask for.
void spawn_actors(Scene& scene);

// Reads a stream's bounds, annotation and every entry from the trim point to the tail. `settle`:
// nothing else runs, and the outcome of deletions that were under way is decided by what is found.
base::Task<void> check_stream(Scene& scene, StreamId stream, bool settle);
base::Task<void> check_all(Scene& scene, bool settle);
// Appends one entry and waits until it is durable. False: refused, as the model may expect of a
// deleted stream.
base::Task<bool> append_one(Scene& scene, StreamId stream);

}  // namespace thalweg::sim
