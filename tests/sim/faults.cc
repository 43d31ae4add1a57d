#include "tests/sim/faults.h"

namespace thalweg::sim {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::kSlowRequest: return "slow request";
    case Fault::kLostRequest: return "lost request";
    case Fault::kLostAnswer: return "lost answer";
    case Fault::kLateLanding: return "late landing";
    case Fault::kSlowDown: return "slow down";
    case Fault::kFailedRead: return "failed read";
    case Fault::kFlippedBit: return "flipped bit";
    case Fault::kTornBody: return "torn body";
    case Fault::kOtherBody: return "another's body";
    case Fault::kOtherEntry: return "another entry";
    case Fault::kOtherSnapshot: return "another snapshot";
    case Fault::kOtherChunk: return "another chunk";
    case Fault::kOtherSegment: return "another segment";
    case Fault::kListedInPages: return "listed in pages";
    case Fault::kZoneDown: return "zone down";
    case Fault::kZoneSlow: return "zone slow";
    case Fault::kZoneEmptied: return "zone emptied";
    case Fault::kDeathBeforeRepair: return "death before repair";
    case Fault::kZoneReplaced: return "zone replaced";
    case Fault::kZoneRot: return "zone rot";
    case Fault::kDiskFull: return "disk full";
    case Fault::kFailedSync: return "failed sync";
    case Fault::kPowerCut: return "power cut";
    case Fault::kDiskRot: return "disk rot";
    case Fault::kCrash: return "crash";
    case Fault::kPause: return "pause";
    case Fault::kZombie: return "zombie";
    case Fault::kThreeOwners: return "three owners";
    case Fault::kWallOffset: return "wall clock off";
    case Fault::kWallJump: return "wall clock jumped";
    case Fault::kWallFrozen: return "wall clock frozen";
    case Fault::kDrift: return "clock drifts";
    case Fault::kPauseUncounted: return "pause uncounted";
    case Fault::kEnd: break;
  }
  return "unknown";
}

std::string to_string(const FaultCounts& counts) {
  std::string line;
  for (size_t i = 0; i < static_cast<size_t>(Fault::kEnd); ++i) {
    const auto fault = static_cast<Fault>(i);
    if (counts.of(fault) == 0) continue;
    if (!line.empty()) line += ", ";
    line.append(name_of(fault)).append(" ").append(std::to_string(counts.of(fault)));
  }
  return line;
}

}  // namespace thalweg::sim
