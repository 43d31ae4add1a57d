#include "tests/sim/seed_run.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "streamcore/base/log.h"
#include "streamcore/chunk/chunk_format.h"
#include "tests/sim/metadata_check.h"
#include "tests/sim/owners_run.h"

namespace thalweg::sim {

using base::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

// A longer life finds nothing new, and takes the square of its length: all that was appended is
// read again and again.
constexpr uint64_t kLifeStepsMax = 60'000;
// A log of thousands of chunks, of which some requests take half a minute.
constexpr base::Duration kOpenMax = seconds(1200);
constexpr base::Duration kCheckMax = seconds(3600);  // entry by entry, over a slow network
constexpr base::Duration kStopMax = seconds(120);
constexpr base::Duration kDrainMax = seconds(600);  // an actor may offload everything
// An append after a restart on a healthy disk.
constexpr base::Duration kAppendMax = seconds(10);
constexpr base::Duration kLastChunkMax = seconds(1);  // an idle channel's, and its sync

// Small numbers as likely as large ones.
uint64_t log_uniform(base::Random& random, uint64_t bound) {
  return 1 + random.below(uint64_t{1} << (1 + random.below(std::bit_width(bound) - 1)));
}

// Of the seed under way, for a signal handler.
char command_under_way[120];

}  // namespace

SeedRun::SeedRun(uint64_t seed, World world, Plant plant, bool print)
    : random_(seed),
      disk_random_(seed ^ 0xD15C),
      knobs_(draw_knobs(random_, world)),
      plant_(plant),
      trace_(print),
      model_(trace_),
      disk_(idle_, disk_random_) {
  disk_.set_latency(knobs_.latency_min, knobs_.latency_max);
  if (world == World::kZones) zones_.emplace(knobs_.zones, plant, trace_);
}

SeedOutcome SeedRun::run() {
  base::set_log_level(base::LogLevel::kInfo);
  base::set_log_sink([this](base::LogLevel level, std::string_view line) {
    trace_.event(text("log ", line));
    if (level == base::LogLevel::kError) error_logged(line);
  });
  trace_.event(to_string(knobs_));
  for (uint32_t i = 0; i < knobs_.lives && !over(); ++i) live_once();
  if (!over()) heal_and_drain();
  if (!over()) model_.check_history();
  if (process_ != nullptr) end_process(false);
  base::set_log_sink({});
  if (zones_) trace_.fired.add(zones_->fired());
  return {.violation = trace_.first_violation(),
          .trace_hash = trace_.hash(),
          .events = trace_.events(),
          .acked = model_.acked(),
          .crashes = crashes_,
          .fired = trace_.fired,
          .simulated = now_.time_since_epoch(),
          .damage_reported = damage_reported_};
}

template <class T>
std::optional<T> SeedRun::drive(base::Task<T> task, base::Duration limit, std::string_view what) {
  SimExecutor& executor = process_->executor();
  const base::TimePoint deadline = executor.now() + limit;
  base::TaskRunner<T> runner(std::move(task));
  while (!runner.done()) {
    const auto due = executor.next_due();
    if (!due.has_value() || *due > deadline) {
      trace_.violation(text(what, " does not end"));
      return std::nullopt;
    }
    if (!executor.step()) return std::nullopt;
  }
  return runner.take();
}

void SeedRun::must(base::Task<base::Status> task, base::Duration limit, std::string_view what) {
  const auto done = drive(std::move(task), limit, what);
  if (!done.has_value() || done->has_value()) return;
  if (rotted_ && done->error().code == ErrorCode::kCorrupt) {
    damage_reported_ = true;
    return;
  }
  trace_.violation(
      text(what, ": ", base::to_string(done->error().code), ": ", done->error().message));
}

// --- processes

// An error-level line is an alarm: something must have been played that explains it.
void SeedRun::error_logged(std::string_view line) {
  if (rotted_ || disk_.failed_syncs() > failed_syncs_before_) return;
  if (zones_ && zones_->explains(line)) return;
  trace_.violation(text("unexplained error line: ", line));
}

void SeedRun::begin_process() {
  if (zones_) zones_->end_outage();
  process_ = std::make_unique<SimProcess>(disk_, now_, random_.next(), knobs_, plant_,
                                          zones_ ? &*zones_ : nullptr);
  failed_syncs_before_ = disk_.failed_syncs();
  trace_.set_executor(&process_->executor());
  trace_.event("process begins");
  if (!knobs_.wall_lies || healed_ || random_.below(2) == 0) return;
  trace_.fired.add(Fault::kWallOffset);
  process_->clock().set_error(minutes(10) - minutes(random_.below(21)));
}

// An operator sees what was lost, sooner or later.
void SeedRun::replace_zone() {
  if (!zones_ || !zones_->lost() || random_.below(3) != 0) return;
  begin_process();
  must(process_->replace_zone(*zones_->lost()), kOpenMax, "replace");
  if (over()) return;
  zones_->replaced();
  end_process(false);
}

SeedRun::Opened SeedRun::open_process() {
  const auto opened = drive(process_->open(), kOpenMax, "open");
  if (!opened.has_value()) return Opened::kCrashed;
  if (opened->has_value()) return Opened::kYes;
  const base::Error& error = opened->error();
  trace_.event(text("open: ", base::to_string(error.code), ": ", error.message));
  if (rotted_ && error.code == ErrorCode::kCorrupt) {
    damage_reported_ = true;
  } else if (!zones_ || healed_ || error.code != ErrorCode::kUnavailable) {
    trace_.violation(text("open: ", error.message));
  }
  return Opened::kRefused;
}

void SeedRun::end_process(bool crashed) {
  SimExecutor& executor = process_->executor();
  process_->drop();
  disk_.heal();
  if (crashed) {
    ++crashes_;
    trace_.fired.add(Fault::kCrash);
    if (zones_ && zones_->lost()) trace_.fired.add(Fault::kDeathBeforeRepair);
    // Some processes die on a machine that goes on: what was not synced is there, and may yet be
    // lost.
    const bool power_cut = random_.below(4) != 0;
    trace_.event(power_cut ? "power cut" : "killed");
    if (power_cut) trace_.fired.add(Fault::kPowerCut);
    if (power_cut) disk_.crash(random_);
    if (knobs_.bit_rot && !rotted_ && random_.below(2) == 0) rot();
    if (knobs_.zones.rot && random_.below(2) == 0) zones_->rot_one(random_);
    // Without a marker a channel that does not exist yet cannot be made.
    const bool exists = !model_.streams().empty();
    if (knobs_.zones.wipe && exists && random_.below(3) == 0) zones_->wipe_one(random_);
  }
  now_ = executor.now() + milliseconds(random_.below(5000));
  trace_.set_executor(nullptr);
  process_.reset();
  disk_.attach(idle_);
}

Scene SeedRun::make_scene() {
  return Scene{.executor = process_->executor(),
               .store = process_->store(),
               .disk = disk_,
               .model = model_,
               .trace = trace_,
               .random = random_,
               .knobs = knobs_,
               .zones = zones_ ? &*zones_ : nullptr,
               .wall = &process_->clock(),
               .waits_before_refusal = plant_ != Plant::kRefusalEarly};
}

// A start that finds no space at all must go well, if the last process kept the reserve.
bool SeedRun::fill_before_open() {
  const std::string reserve(SimProcess::kReservePath);
  const bool whole =
      disk_.exists(reserve) && disk_.content(reserve).size() == SimProcess::kReserveBytes;
  if (!knobs_.full_disk || !whole || random_.below(100) >= 40) return false;
  trace_.event("disk full at the start");
  disk_.set_capacity(disk_.used_bytes());
  return true;
}

void SeedRun::live_once() {
  replace_zone();
  if (over()) return;
  begin_process();
  SimExecutor& executor = process_->executor();
  if (random_.below(100) < 20) executor.stop_at_step(log_uniform(random_, 2000));
  const bool full = fill_before_open();
  // The first process needs every zone.
  const bool zone_away = knobs_.zones.outages && !model_.streams().empty();
  if (zone_away && random_.below(2) == 0) zones_->begin_outage(random_);
  if (open_process() == Opened::kYes) {
    Scene scene = make_scene();
    scene.disk_was_full = full;
    if (zones_) zones_->end_outage();
    live(scene);
  }
  const bool crashed = executor.stopped();
  end_process(crashed);
}

void SeedRun::live(Scene& scene) {
  SimExecutor& executor = process_->executor();
  scene.bit_rot = rotted_;
  const bool crashes = random_.below(100) < 70;
  if (crashes && !executor.stopped()) {
    executor.stop_at_step(executor.steps() + log_uniform(random_, 60'000));
  }
  if (model_.streams().empty()) {
    const auto first = drive(
        process_->store().allocate_streams(knobs_.streams, StorageClass::kLocal), kOpenMax, "ids");
    if (!first.has_value()) return;
    if (!first->has_value()) return trace_.violation("ids: " + first->error().message);
    model_.streams_allocated(**first, knobs_.streams);
  }
  if (!drive(base::as_value(check_all(scene, true)), kCheckMax, "check").has_value() || over()) {
    return;
  }
  spawn_actors(scene);
  const auto end = executor.now() + knobs_.life_max;
  const uint64_t last_step = executor.steps() + kLifeStepsMax;
  while (!over() && executor.next_due().has_value() && *executor.next_due() < end &&
         executor.steps() < last_step) {
    if (!executor.step()) return;
  }
  if (over()) return;
  if (crashes) return executor.stop_at_step(executor.steps());
  stop_cleanly(scene);
}

void SeedRun::stop_cleanly(Scene& scene) {
  SimExecutor& executor = process_->executor();
  trace_.event("clean stop");
  disk_.heal();
  if (random_.below(100) < 30) {
    executor.stop_at_step(executor.steps() + log_uniform(random_, 2000));
  }
  scene.stopping = true;
  scene.tasks.request_stop();
  // Behind a damaged chunk nothing is offloaded: what waits for room ends only with the store.
  if (!rotted_ && random_.below(2) == 0) {
    if (!drive(base::as_value(scene.tasks.stop_and_join()), kDrainMax, "actors' end")) return;
  }
  const auto stopped = drive(process_->stop(), kStopMax, "stop");
  if (!stopped.has_value()) return;
  if (!stopped->has_value()) scene.explain("stop", stopped->error());
  (void)drive(base::as_value(scene.tasks.stop_and_join()), kStopMax, "actors' end after stop");
}

// --- healing

void SeedRun::heal_and_drain() {
  healed_ = true;
  for (int i = 0; i < 2 && !over(); ++i) {
    if (zones_) zones_->heal();
    begin_process();
    if (open_process() != Opened::kYes) return;
    {
      Scene scene = make_scene();
      scene.bit_rot = rotted_;
      (void)drive(base::as_value(check_all(scene, true)), kCheckMax, "check");
      if (!over() && !rotted_) drain(scene);
      if (over()) return;
      (void)drive(base::as_value(check_all(scene, false)), kCheckMax, "last check");
      // What landed late below the watermark goes with the first removal after a start.
      if (!over() && zones_ && i == 1) zones_->check_nothing_leaked();
    }
    if (!over()) must(process_->stop(), kStopMax, "last stop");
    if (!over()) end_process(false);
  }
}

void SeedRun::drain(Scene& scene) {
  SimExecutor& executor = process_->executor();
  for (const StreamId stream : model_.alive()) {
    const auto appended = drive(append_one(scene, stream), kAppendMax, "an append after healing");
    if (over()) return;
    if (!appended.value_or(false)) return trace_.violation("an append after healing was refused");
  }
  executor.run_for(milliseconds(2 * knobs_.store.idle_empty_chunk_ms) + kLastChunkMax);
  must(process_->store().offload_all(), kDrainMax, "the last offload");
  if (over()) return;
  if (process_->store().outstanding_log_bytes() != 0) {
    return trace_.violation(
        text("the log did not drain: ", process_->store().outstanding_log_bytes(), " bytes left"));
  }
  executor.run_for(milliseconds(knobs_.store.delete_grace_ms + knobs_.store.destroyed_row_keep_ms) +
                   seconds(90));  // collecting takes a while on a slow disk
  must(check_nothing_leaked(process_->metadata(), process_->objects(), trace_), kCheckMax,
       "leak check");
}

// --- bit rot

// Flips one bit of a chunk that a later chunk's watermark says was durable: of the newest epoch, if
// there is a choice.
void SeedRun::rot() {
  SimExecutor executor(process_->executor().now());
  disk_.attach(executor);
  struct Found {
    std::string path;
    uint64_t position;
    chunk::ChunkHeader header;
  };
  std::vector<Found> chunks;
  std::map<ChannelEpoch, ChunkSeq> watermarks;
  const std::string directory = "log/" + chunk::encode_channel_name(knobs_.store.channel) + "/";
  const auto names = sim::run(executor, disk_.list(directory.substr(0, directory.size() - 1)));
  if (!names.has_value()) return;
  for (const std::string& name : *names) {
    if (!chunk::decode_log_file_name(name).has_value()) continue;
    const std::string content = disk_.content(directory + name);
    for (size_t at = 0; at + chunk::kChunkHeaderBytes <= content.size(); at += 4096) {
      const auto header = chunk::decode_header(base::as_bytes(content).subspan(at));
      if (!header.has_value() || at + header->total_length > content.size()) continue;
      chunks.push_back({directory + name, at, *header});
      watermarks[header->epoch] = std::max(watermarks[header->epoch], header->dw);
    }
  }
  std::erase_if(chunks, [&](const Found& found) {
    return found.header.seq >= watermarks[found.header.epoch];
  });
  if (chunks.empty()) return;
  const ChannelEpoch newest =
      std::ranges::max(chunks, {}, [](const Found& f) { return f.header.epoch; }).header.epoch;
  if (random_.below(4) != 0) {
    std::erase_if(chunks, [&](const Found& found) { return found.header.epoch != newest; });
  }
  const Found& found = chunks[random_.below(chunks.size())];
  const uint64_t bit = found.position * 8 + random_.below(found.header.total_length * 8);
  trace_.event(text("bit rot in ", chunk::describe(found.header), " bit ", bit));
  disk_.flip_bit(found.path, bit);
  trace_.fired.add(Fault::kDiskRot);
  rotted_ = true;
}

// --- one seed

namespace {
void say_command(int) {
  char line[160];
  const int length = std::snprintf(line, sizeof(line), "aborted in: %s\n", command_under_way);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line, static_cast<size_t>(length));
  ::_exit(3);
}
}  // namespace

std::string command_of(uint64_t seed, World world) {
  const std::string_view option = world == World::kZones    ? "--zones "
                                  : world == World::kOwners ? "--owners "
                                                            : "";
  return text("build/release/tests/sim/thalweg_sim ", option, "--seed ", seed, " --trace");
}

void announce_seed_on_abort() { std::signal(SIGABRT, say_command); }

SeedOutcome run_seed(uint64_t seed, World world, Plant plant, bool print) {
  (void)std::snprintf(command_under_way, sizeof(command_under_way), "%s",
                      command_of(seed, world).c_str());
  if (world == World::kOwners) return OwnersRun(seed, plant, print).run();
  return SeedRun(seed, world, plant, print).run();
}

}  // namespace thalweg::sim
