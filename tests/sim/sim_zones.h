// SimZones: three buckets that hold the chunk log, what a seed does to them, and what that
// explains.
//
// The buckets outlive processes. At most one zone at a time is away, slow, or gone for good, so
// that a quorum is always there, and what a quorum took must never be missed.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "streamcore/chunk/object_replica.h"
#include "tests/sim/plants.h"
#include "tests/sim/sim_bucket.h"
#include "tests/sim/trace.h"

namespace thalweg::sim {

inline constexpr size_t kZones = 3;

// What a seed draws.
struct ZoneKnobs {
  BucketFaults network;  // as it usually is, to all zones
  chunk::ObjectReplicaOptions replica;
  base::Duration outage_max;
  bool outages = false;
  bool wipe = false;  // one zone loses everything, once
  bool rot = false;   // one bit of one copy, once, after a crash
};

class SimZones;

// One process's way to the zones.
class ZoneClients {
 public:
  ZoneClients(SimZones& zones, base::Executor& executor, base::Random& random);
  ZoneClients(const ZoneClients&) = delete;
  ZoneClients& operator=(const ZoneClients&) = delete;
  ~ZoneClients();

  BucketClient& operator[](size_t zone) { return *clients_[zone]; }

 private:
  SimZones& zones_;
  std::array<std::unique_ptr<BucketClient>, kZones> clients_;
};

class SimZones {
 public:
  SimZones(const ZoneKnobs& knobs, Plant plant, Trace& trace);

  SimBucket& bucket(size_t zone) { return buckets_[zone]; }

  // --- what a seed does
  // One zone is down or slow until end_outage().
  void begin_outage(base::Random& random);
  void end_outage();
  void wipe_one(base::Random& random);
  // Flips a bit in a chunk that another zone holds as well.
  void rot_one(base::Random& random);
  // The zone that lost everything and was not replaced.
  std::optional<size_t> lost() const { return replaced_ ? std::nullopt : wiped_; }
  // An operator did.
  void replaced();
  // A network without faults, nothing on its way.
  void heal();

  // --- what it explains
  // An error-level line of the log.
  bool explains(std::string_view log_line) const;
  // After the log was drained and its chunks had time to go: nothing but SEALs and markers is left.
  void check_nothing_leaked();
  FaultCounts fired() const;

 private:
  friend ZoneClients;
  void set_network();
  BucketFaults network_to(size_t zone) const;

  const ZoneKnobs& knobs_;
  const Plant plant_;
  Trace& trace_;
  std::array<SimBucket, kZones> buckets_;
  std::vector<ZoneClients*> clients_;
  std::optional<size_t> away_;  // in an outage
  bool down_ = false;           // and not only slow
  std::optional<size_t> wiped_;
  bool replaced_ = false;
  bool rotted_ = false;
  bool healed_ = false;
};

}  // namespace thalweg::sim
