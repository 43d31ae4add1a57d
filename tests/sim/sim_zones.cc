#include "tests/sim/sim_zones.h"

#include <map>
#include <vector>

#include "streamcore/chunk/chunk_format.h"
#include "streamcore/chunk/chunk_object_format.h"

namespace thalweg::sim {

namespace {

bool is_chunk(const std::string& key, const std::string& bytes) {
  return key != chunk::kIncarnationObjectKey && bytes.size() != chunk::kChunkHeaderBytes;
}

// What names the register in every zone: the key without the zone's incarnation.
std::string register_of(const std::string& key) {
  const auto name = chunk::decode_chunk_object_key(key);
  return name ? chunk::to_string(name->key) : "";
}

}  // namespace

SimZones::SimZones(const ZoneKnobs& knobs, Plant plant, Trace& trace)
    : knobs_(knobs), plant_(plant), trace_(trace) {
  if (plant != Plant::kUnconditionalPut) return;
  for (SimBucket& bucket : buckets_) bucket.ignore_conditions();
}

ZoneClients::ZoneClients(SimZones& zones, base::Executor& executor, base::Random& random)
    : zones_(zones) {
  for (size_t i = 0; i < kZones; ++i) {
    clients_[i] = std::make_unique<BucketClient>(zones.buckets_[i], executor, random);
  }
  zones.clients_.push_back(this);
  zones.set_network();
}

ZoneClients::~ZoneClients() { std::erase(zones_.clients_, this); }

BucketFaults SimZones::network_to(size_t zone) const {
  BucketFaults faults = knobs_.network;
  if (healed_) return {.delay_min = faults.delay_min, .delay_max = faults.delay_max};
  if (zone != away_) return faults;
  faults.down = down_;
  if (!down_) {
    faults.delay_spread = 0;
    faults.delay_min = faults.delay_max * 5;
    faults.delay_max = faults.delay_max * 30;
  }
  return faults;
}

void SimZones::set_network() {
  for (ZoneClients* const clients : clients_) {
    for (size_t i = 0; i < kZones; ++i) (*clients)[i].faults = network_to(i);
  }
}

void SimZones::begin_outage(base::Random& random) {
  end_outage();
  away_ = random.below(kZones);
  // A zone that is gone leaves no other to spare, though one may take its time.
  down_ = random.below(2) == 0 && (!wiped_ || wiped_ == away_);
  trace_.event(text("zone ", *away_, down_ ? " is down" : " is slow"));
  trace_.fired.add(down_ ? Fault::kZoneDown : Fault::kZoneSlow);
  set_network();
}

void SimZones::end_outage() {
  if (!away_) return;
  trace_.event(text("zone ", *away_, " is well"));
  away_.reset();
  set_network();
}

void SimZones::wipe_one(base::Random& random) {
  const std::string key(chunk::kIncarnationObjectKey);
  size_t victim = random.below(kZones);
  if (victim == away_) victim = (victim + 1) % kZones;  // what it holds may be one of two copies
  const auto found = buckets_[victim].objects().find(key);
  if (wiped_ || found == buckets_[victim].objects().end()) return;
  const std::string marker = found->second;
  end_outage();
  wiped_ = victim;
  buckets_[*wiped_].wipe();
  if (plant_ == Plant::kEmptiedVotes) buckets_[*wiped_].put(key, marker);
  trace_.event(text("zone ", *wiped_, " lost everything"));
  trace_.fired.add(Fault::kZoneEmptied);
}

void SimZones::replaced() {
  replaced_ = true;
  trace_.event(text("zone ", *wiped_, " is replaced"));
  trace_.fired.add(Fault::kZoneReplaced);
}

FaultCounts SimZones::fired() const {
  FaultCounts all;
  for (const SimBucket& bucket : buckets_) all.add(bucket.fired);
  return all;
}

void SimZones::rot_one(base::Random& random) {
  if (rotted_) return;
  struct Copy {
    size_t zone;
    std::string key;
  };
  std::map<std::string, std::vector<Copy>> registers;
  for (size_t zone = 0; zone < kZones; ++zone) {
    for (const auto& [key, bytes] : buckets_[zone].objects()) {
      if (is_chunk(key, bytes)) registers[register_of(key)].push_back({zone, key});
    }
  }
  std::vector<Copy> spare;
  for (const auto& [name, copies] : registers) {
    if (copies.size() > 1) spare.insert(spare.end(), copies.begin(), copies.end());
  }
  if (spare.empty()) return;
  const auto& [zone, key] = spare[random.below(spare.size())];
  const uint64_t bit = random.below(buckets_[zone].objects().at(key).size() * 8);
  trace_.event(text("bit rot in zone ", zone, " ", key, " bit ", bit));
  buckets_[zone].damage(key, bit);
  trace_.fired.add(Fault::kZoneRot);
  rotted_ = true;
}

void SimZones::heal() {
  healed_ = true;
  away_.reset();
  for (SimBucket& bucket : buckets_) bucket.land_all();
  set_network();
}

bool SimZones::explains(std::string_view log_line) const {
  if (wiped_ && log_line.find("chunk replica is lost") != std::string_view::npos) return true;
  if (!rotted_ && knobs_.network.torn_read == 0) return false;
  return log_line.find("is corrupt") != std::string_view::npos ||
         log_line.find("is unreadable") != std::string_view::npos;
}

void SimZones::check_nothing_leaked() {
  for (size_t zone = 0; zone < kZones; ++zone) {
    if (zone == wiped_) continue;
    for (const auto& [key, bytes] : buckets_[zone].objects()) {
      if (is_chunk(key, bytes)) trace_.violation(text("zone ", zone, " still holds ", key));
    }
  }
}

}  // namespace thalweg::sim
