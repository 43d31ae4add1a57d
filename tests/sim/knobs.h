// Knobs: everything a seed chooses before its run begins: the limits of the engine, down to
// absurdly small ones, the load, and which faults may happen.
#pragma once

#include <string>

#include "streamcore/base/random.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/options.h"
#include "tests/sim/sim_zones.h"

namespace thalweg::sim {

// Where the chunk log lies.
enum class World {
  kLocal,   // on the disk
  kZones,   // in three buckets
  kOwners,  // in the one bucket that has everything, and processes live beside each other
};

struct Knobs {
  StreamStoreOptions store;
  chunk::LocalReplicaOptions replica;
  metadata::ObjectLogOptions metadata;
  base::Duration latency_min;
  base::Duration latency_max;

  uint32_t streams = 1;
  uint32_t appenders = 1;
  uint32_t readers = 1;
  uint32_t lives = 3;  // processes, one after the other
  size_t payload_max = 100;
  base::Duration pause_max;  // between the calls of an actor
  base::Duration life_max;   // of one process

  bool trims = false;
  bool removes = false;
  bool full_disk = false;  // periods without space
  bool failing_sync = false;
  bool bit_rot = false;    // once, in the log, after a crash
  bool wall_lies = false;  // the wall clock: off by minutes, then by years, or standing still

  ZoneKnobs zones;
  // Of owners that follow each other:
  std::chrono::milliseconds lease;
  bool log_in_zones = false;
  bool clocks_lie = false;  // at a rate of their own, or standing still with their process
};

Knobs draw_knobs(base::Random& random, World world = World::kLocal);
std::string to_string(const Knobs& knobs);

}  // namespace thalweg::sim
