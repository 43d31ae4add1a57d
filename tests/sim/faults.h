// Faults: what a simulated world may do to a process, and how often it did. A fault that never
// fires proves nothing, so each run counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thalweg::sim {

enum class Fault : uint8_t {
  // A bucket and the way to it:
  kSlowRequest,    // a second or more, one way
  kLostRequest,    // a put or a delete that never lands
  kLostAnswer,     // one that landed
  kLateLanding,    // one that lands after it was given up
  kSlowDown,       // refused, as all others for a while
  kFailedRead,     // get, head or list
  kFlippedBit,     // in what a get brought
  kTornBody,       // of a get, which ends early
  kOtherBody,      // of a get, which is another object's of any kind,
  kOtherEntry,     // or of its own: of the metadata log,
  kOtherSnapshot,  // a snapshot of it,
  kOtherChunk,     // a chunk or a SEAL,
  kOtherSegment,   // a segment
  kListedInPages,  // a listing that ends early and is asked for on
  // One of three zones:
  kZoneDown,
  kZoneSlow,
  kZoneEmptied,
  kDeathBeforeRepair,  // a process died while one zone was empty
  kZoneReplaced,
  kZoneRot,
  // A disk:
  kDiskFull,
  kFailedSync,
  kPowerCut,
  kDiskRot,
  // A process:
  kCrash,
  kPause,
  kZombie,       // woke when another had taken over
  kThreeOwners,  // at once, each of them believing it might be
  // A clock:
  kWallOffset,  // minutes
  kWallJump,    // years
  kWallFrozen,
  kDrift,           // of what leases are measured by
  kPauseUncounted,  // of the same
  kEnd
};

std::string_view name_of(Fault fault);

class FaultCounts {
 public:
  void add(Fault fault, uint64_t times = 1) { counts_[static_cast<size_t>(fault)] += times; }
  void add(const FaultCounts& others) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += others.counts_[i];
  }
  uint64_t of(Fault fault) const { return counts_[static_cast<size_t>(fault)]; }
  friend bool operator==(const FaultCounts&, const FaultCounts&) = default;

 private:
  std::array<uint64_t, static_cast<size_t>(Fault::kEnd)> counts_{};
};

// Each fault that fired and how often, in one line.
std::string to_string(const FaultCounts& counts);

}  // namespace thalweg::sim
