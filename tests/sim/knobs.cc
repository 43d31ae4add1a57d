#include "tests/sim/knobs.h"

#include <algorithm>
#include <initializer_list>

#include "tests/sim/trace.h"

namespace thalweg::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

template <class T>
T one_of(base::Random& random, std::initializer_list<T> choices) {
  return choices.begin()[random.below(choices.size())];
}
bool percent(base::Random& random, uint64_t chance) { return random.below(100) < chance; }

void draw_store(base::Random& random, StreamStoreOptions& store) {
  store.chunk_bytes_target = one_of<uint64_t>(random, {4096, 8192, 16384, 65536, 2 << 20});
  store.chunk_window = static_cast<uint32_t>(1 + random.below(4));
  store.unwritten_bytes_max = one_of<uint64_t>(random, {32 << 10, 256 << 10, 64 << 20});
  store.outstanding_log_bytes_max = one_of<uint64_t>(random, {64 << 10, 256 << 10, 1 << 30});
  store.log_ready_bytes_min = one_of<uint64_t>(random, {4096, 32 << 10, 128 << 10});
  store.undrained_epochs_max = static_cast<uint32_t>(1 + random.below(5));
  store.memory_tail_bytes_max = one_of<uint64_t>(random, {1, 8192, 64 << 10, 256 << 20});
  store.offload_bytes = one_of<uint64_t>(random, {1, 4096, 64 << 10, 64 << 20});
  store.offload_bytes_max = one_of<uint64_t>(random, {1, 16 << 10, 256 << 20});
  store.offload_interval_ms = one_of<base::Timestamp>(random, {1, 20, 200, 1000, 10'000});
  store.own_segment_bytes = one_of<uint64_t>(random, {1, 1000, 20'000, 1 << 20});
  store.small_range_bytes = one_of<uint64_t>(random, {1000, 5000, 1 << 20});
  store.segment_bytes_target = one_of<uint64_t>(random, {1, 10'000, 64 << 20});
  store.delete_grace_ms = one_of<base::Timestamp>(random, {1000, 4000});
  store.packed_ranges_max = one_of<uint32_t>(random, {2, 3, 8, 64});
  store.destroyed_row_keep_ms = 10'000;
  store.block_cache_bytes_max = one_of<uint64_t>(random, {1, 64 << 10, 64 << 20});
  store.idle_empty_chunk_ms = one_of<base::Timestamp>(random, {1, 50, 1000});
}

void draw_replica(base::Random& random, chunk::LocalReplicaOptions& replica) {
  replica.file_bytes = one_of<uint64_t>(random, {16 << 10, 64 << 10, 256 << 10});
  replica.usual_chunk_bytes = replica.file_bytes / one_of<uint64_t>(random, {2, 4});
  replica.spare_files_max = static_cast<uint32_t>(random.below(4));
  replica.ready_files_ahead = static_cast<uint32_t>(random.below(3));
  replica.prewrite = percent(random, 50);
  replica.scans_max = static_cast<uint32_t>(1 + random.below(4));
}

ZoneKnobs draw_zones(base::Random& random) {
  ZoneKnobs zones;
  BucketFaults& network = zones.network;
  network.delay_min = microseconds(one_of<int>(random, {10, 300}));
  network.delay_max = microseconds(one_of<int>(random, {500, 5000, 30'000}));
  network.lost_request = one_of<uint32_t>(random, {0, 20, 150});
  network.lost_answer = one_of<uint32_t>(random, {0, 20, 100});
  network.late_landing = one_of<uint32_t>(random, {0, 20, 100});
  network.late_max = one_of<base::Duration>(random, {milliseconds(20), milliseconds(20'000)});
  network.read_failed = one_of<uint32_t>(random, {0, 20, 150});
  network.torn_read = one_of<uint32_t>(random, {0, 0, 10});
  network.delay_spread = one_of<uint32_t>(random, {0, 0, 0, 100, 200});
  network.slow_down = one_of<uint32_t>(random, {0, 0, 2});
  network.list_page = one_of<size_t>(random, {object_store::kListPageMax, 1, 3});
  // A log of hundreds of chunks must be listed in minutes.
  if (network.delay_spread != 0) network.list_page = std::max<size_t>(network.list_page, 3);
  zones.replica.open_wait = one_of<base::Duration>(random, {milliseconds(1), milliseconds(3000)});
  zones.replica.check_interval =
      one_of<base::Duration>(random, {milliseconds(0), milliseconds(100), milliseconds(10'000)});
  zones.replica.removes_max = static_cast<uint32_t>(1 + random.below(16));
  zones.replica.remove_retry =
      one_of<base::Duration>(random, {milliseconds(10), milliseconds(5000)});
  zones.outages = percent(random, 70);
  zones.outage_max = one_of<base::Duration>(random, {milliseconds(100), milliseconds(2000)});
  zones.wipe = percent(random, 40);
  zones.rot = !zones.wipe && percent(random, 40);
  return zones;
}

}  // namespace

Knobs draw_knobs(base::Random& random, World world) {
  Knobs knobs;
  draw_store(random, knobs.store);
  draw_replica(random, knobs.replica);
  knobs.metadata.single_writer = true;
  knobs.metadata.snapshot_entries = one_of<uint64_t>(random, {3, 20, 200, 1000});
  knobs.latency_min = microseconds(one_of<int>(random, {1, 20}));
  knobs.latency_max = microseconds(one_of<int>(random, {50, 500, 4000}));
  knobs.streams = static_cast<uint32_t>(1 + random.below(8));
  knobs.appenders = static_cast<uint32_t>(1 + random.below(4));
  knobs.readers = static_cast<uint32_t>(1 + random.below(3));
  knobs.lives = static_cast<uint32_t>(2 + random.below(6));
  knobs.payload_max = one_of<size_t>(random, {100, 1500, 12'000});
  knobs.pause_max =
      one_of<base::Duration>(random, {microseconds(300), milliseconds(5), milliseconds(60)});
  knobs.life_max =
      one_of<base::Duration>(random, {milliseconds(50), milliseconds(400), milliseconds(3000)});
  knobs.trims = percent(random, 70);
  knobs.removes = percent(random, 40);
  knobs.full_disk = percent(random, 30);
  knobs.failing_sync = percent(random, 25);
  knobs.bit_rot = percent(random, 20);
  knobs.wall_lies = percent(random, 40);
  if (world == World::kLocal) return knobs;
  knobs.bit_rot = false;
  knobs.zones = draw_zones(random);
  // An append takes longer, and so does the drain; but a seed shall not call for minutes.
  knobs.life_max = std::min(knobs.life_max * 5 / 2, knobs.pause_max * 5000);
  knobs.store.offload_bytes_max = std::max<uint64_t>(knobs.store.offload_bytes_max, 16 << 10);
  knobs.store.replica_lag_bytes_max = one_of<uint64_t>(random, {1, 64 << 10, 64 << 20});
  knobs.store.index_reads_max = static_cast<uint32_t>(1 + random.below(16));
  if (world == World::kZones) return knobs;
  knobs.full_disk = knobs.failing_sync = false;
  knobs.metadata.single_writer = false;
  knobs.metadata.incarnation_slots = one_of<uint64_t>(random, {3, 30, 10'000});
  // A start gives up at a read that fails; those that open shall be many.
  BucketFaults& network = knobs.zones.network;
  network.torn_read = one_of<uint32_t>(random, {0, 0, 1, 5});
  network.slow_down = std::min<uint32_t>(network.slow_down, 1);
  network.read_failed = std::min<uint32_t>(network.read_failed, 2);
  network.lost_request = std::min<uint32_t>(network.lost_request, 30);
  network.lost_answer = std::min<uint32_t>(network.lost_answer, 30);
  network.late_landing = std::min<uint32_t>(network.late_landing, 30);
  knobs.lives += 2;
  knobs.log_in_zones = percent(random, 40);
  // That a zone which loses everything costs nothing is owed to leases, and so to clocks.
  knobs.clocks_lie = !knobs.log_in_zones && percent(random, 30);
  knobs.zones.rot = false;
  if (!knobs.log_in_zones) knobs.zones.outages = knobs.zones.wipe = false;
  knobs.lease = one_of<milliseconds>(random, {milliseconds(400), milliseconds(3000)});
  knobs.life_max = knobs.lease * (3 + random.below(9));
  // Leases are seconds: at the pace of the other worlds a seed would be all appends.
  knobs.pause_max =
      one_of<base::Duration>(random, {milliseconds(40), milliseconds(120), milliseconds(400)});
  return knobs;
}

std::string to_string(const Knobs& k) {
  return text(
      "chunk=", k.store.chunk_bytes_target, " window=", k.store.chunk_window,
      " unwritten=", k.store.unwritten_bytes_max,
      " outstanding=", k.store.outstanding_log_bytes_max,
      " undrained=", k.store.undrained_epochs_max, " memory=", k.store.memory_tail_bytes_max,
      " offload=", k.store.offload_bytes, "/", k.store.offload_bytes_max, "/",
      k.store.offload_interval_ms, "ms", " own=", k.store.own_segment_bytes,
      " packed=", k.store.packed_ranges_max, " cache=", k.store.block_cache_bytes_max,
      " file=", k.replica.file_bytes, " snapshot=", k.metadata.snapshot_entries,
      " incarnations=", k.metadata.incarnation_slots, " streams=", k.streams,
      " appenders=", k.appenders, " readers=", k.readers, " lives=", k.lives,
      " payload=", k.payload_max, k.trims ? " trims" : "", k.removes ? " removes" : "",
      k.full_disk ? " full_disk" : "", k.failing_sync ? " failing_sync" : "",
      k.bit_rot ? " bit_rot" : "", k.wall_lies ? " wall_lies" : "",
      k.zones.outages ? " outages" : "", k.zones.wipe ? " wipe" : "", k.zones.rot ? " rot" : "",
      k.log_in_zones ? " log_in_zones" : "", k.clocks_lie ? " clocks_lie" : "");
}

}  // namespace thalweg::sim
