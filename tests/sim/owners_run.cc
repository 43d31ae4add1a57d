#include "tests/sim/owners_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "streamcore/base/log.h"

namespace thalweg::sim {

using base::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {
// A log of thousands of chunks, of which some requests take half a minute.
constexpr base::Duration kOpenMax = seconds(1200);
constexpr base::Duration kCheckMax = seconds(3600);  // entry by entry, over a slow network
constexpr base::Duration kStopMax = seconds(120);
constexpr base::Duration kDrainMax = seconds(600);  // one of them offloads everything
constexpr base::Duration kAppendMax = seconds(30);
constexpr uint64_t kLifeStepsMax = 40'000;
constexpr size_t kOldMax = 2;
}  // namespace

OwnersRun::OwnersRun(uint64_t seed, Plant plant, bool print)
    : random_(seed),
      knobs_(draw_knobs(random_, World::kOwners)),
      plant_(plant),
      trace_(print),
      model_(trace_),
      no_disk_(idle_, random_) {
  model_.expect_two_owners();
  if (knobs_.log_in_zones) zones_.emplace(knobs_.zones, plant, trace_);
}

SeedOutcome OwnersRun::run() {
  base::set_log_level(base::LogLevel::kInfo);
  base::set_log_sink([this](base::LogLevel level, std::string_view line) {
    trace_.event(text("log ", line));
    if (level == base::LogLevel::kError) error_logged(line);
  });
  trace_.event(to_string(knobs_));
  for (uint32_t i = 0; i < knobs_.lives && !trace_.violated(); ++i) live_once();
  if (!trace_.violated()) heal_and_check();
  if (!trace_.violated()) model_.check_history();
  trace_.set_executor(nullptr);
  newcomer_.reset();
  owner_.reset();
  old_.clear();
  base::set_log_sink({});
  trace_.fired.add(bucket_.fired);
  if (zones_) trace_.fired.add(zones_->fired());
  return {.violation = trace_.first_violation(),
          .trace_hash = trace_.hash(),
          .events = trace_.events(),
          .acked = model_.acked(),
          .crashes = crashes_,
          .fired = trace_.fired,
          .simulated = now_.time_since_epoch()};
}

// An owner learns that it was taken over, and says so.
void OwnersRun::error_logged(std::string_view line) {
  const std::array<std::string_view, 2> said = {"lease: lost", "chunk log: stopped"};
  const bool taken_over =
      std::ranges::any_of(said, [&](std::string_view start) { return line.starts_with(start); });
  if (taken_over && !healed_) return;
  const bool damaged = line.find("corrupt") != std::string_view::npos ||
                       line.find("unreadable") != std::string_view::npos;
  if (damaged && knobs_.zones.network.torn_read != 0) return;
  if (!zones_ || !zones_->explains(line)) trace_.violation(text("unexplained error line: ", line));
}

// --- stepping

OwnerProcess* OwnersRun::next_due(base::TimePoint by) {
  OwnerProcess* first = nullptr;
  const auto look = [&](OwnerProcess* process) {
    if (process == nullptr || process->paused()) return;
    const auto due = process->executor().next_due();
    if (!due || *due > by) return;
    by = *due;
    first = process;
  };
  for (const Process& old : old_) look(old.get());
  look(owner_.get());
  look(newcomer_.get());
  return first;
}

bool OwnersRun::step_until(const std::function<bool()>& done, base::Duration limit) {
  const base::TimePoint deadline = now_ + limit;
  while (!done()) {
    OwnerProcess* const next = next_due(deadline);
    if (next == nullptr || trace_.violated()) {
      now_ = std::max(now_, deadline);
      return false;
    }
    now_ = std::max(now_, *next->executor().next_due());
    trace_.set_executor(&next->executor());
    next->executor().step();
  }
  return true;
}

template <class T>
std::optional<T> OwnersRun::drive(base::Task<T> task, base::Duration limit, std::string_view what) {
  base::TaskRunner<T> runner(std::move(task));
  if (step_until([&] { return runner.done(); }, limit)) return runner.take();
  if (!trace_.violated()) trace_.violation(text(what, " does not end"));
  return std::nullopt;
}

// --- processes

ClockFaults OwnersRun::draw_clock() {
  ClockFaults clock{.counts_pauses = plant_ != Plant::kPauseNotCounted};
  if (healed_) return clock;
  // A lease allows for an eighth between two clocks.
  clock.rate_percent = static_cast<uint32_t>(95 + random_.below(11));
  if (knobs_.clocks_lie) {
    clock.rate_percent = std::array<uint32_t, 3>{25, 100, 300}[random_.below(3)];
    clock.counts_pauses = random_.below(2) == 0;
  }
  if (clock.rate_percent != 100) trace_.fired.add(Fault::kDrift);
  return clock;
}

OwnersRun::Process OwnersRun::begin() {
  const ClockFaults clock = draw_clock();
  auto process =
      std::make_unique<OwnerProcess>(OwnerProcess::World{bucket_, zones_ ? &*zones_ : nullptr},
                                     now_, random_.next(), knobs_, plant_, clock);
  if (knobs_.wall_lies && !healed_) {
    trace_.fired.add(Fault::kWallOffset);
    process->clock().wall().set_error(minutes(10) - minutes(random_.below(21)));
  }
  return process;
}

OwnersRun::Opened OwnersRun::open(OwnerProcess& process) {
  trace_.set_executor(&process.executor());
  trace_.event("process begins");
  const bool may_be_in_use = owner_ != nullptr;
  if (owner_ != nullptr && !old_.empty()) trace_.fired.add(Fault::kThreeOwners);
  const auto opened = drive(process.open(), kOpenMax, "open");
  if (!opened) return Opened::kRefused;
  if (opened->has_value()) return Opened::kYes;
  const base::Error& error = opened->error();
  trace_.event(text("open: ", base::to_string(error.code), ": ", error.message));
  if (may_be_in_use && error.code == ErrorCode::kAlreadyExists) return Opened::kInUse;
  const bool network = error.code == ErrorCode::kUnavailable ||
                       error.code == ErrorCode::kUnknownOutcome ||
                       (knobs_.zones.network.torn_read != 0 && error.code == ErrorCode::kCorrupt);
  if (healed_ || !network) {
    trace_.violation(text("open: ", error.message));
  }
  return Opened::kRefused;
}

void OwnersRun::settle(OwnerProcess& process) {
  process.scene.emplace(process.executor(), process.store(), no_disk_, model_, trace_, random_,
                        knobs_);
  process.scene->leased = true;
  process.scene->zones = zones_ ? &*zones_ : nullptr;
  process.scene->wall = &process.clock().wall();
  // What these answer says so.
  process.scene->disk_was_full =
      plant_ == Plant::kUnknownIsFailed || plant_ == Plant::kExistsIsFailed;
  if (knobs_.clocks_lie) {
    process.scene->is_newest = [this, &process] {
      return owner_.get() == &process && !may_be_followed_;
    };
  }
  process.scene->asks_for_proof = plant_ != Plant::kReadUnproven;
  process.scene->waits_before_refusal = plant_ != Plant::kRefusalEarly;
  if (model_.streams().empty()) {
    const auto first = drive(process.store().allocate_streams(knobs_.streams, StorageClass::kLocal),
                             kOpenMax, "ids");
    if (!first || !first->has_value()) return;
    model_.streams_allocated(**first, knobs_.streams);
  }
  (void)drive(base::as_value(check_all(*process.scene, true)), kCheckMax, "check");
}

void OwnersRun::play(OwnerProcess& process) {
  if (trace_.violated()) return;
  spawn_actors(*process.scene);
}

void OwnersRun::stop_cleanly(OwnerProcess& process) {
  trace_.event("clean stop");
  process.scene->stopping = true;
  process.scene->tasks.request_stop();
  // An offload in many parts may never succeed as a whole while one request in thirty fails.
  const BucketFaults faults = process.network().faults;
  process.network().faults = {.delay_min = faults.delay_min, .delay_max = faults.delay_max};
  (void)drive(base::as_value(process.scene->tasks.stop_and_join()), kDrainMax, "actors' end");
  process.network().faults = faults;
  if (trace_.violated()) return;
  const auto stopped = drive(process.stop(), kStopMax, "stop");
  if (stopped && !stopped->has_value()) trace_.event(text("stop: ", stopped->error().message));
}

// --- a life

void OwnersRun::live_once() {
  if (owner_ != nullptr) {
    const uint64_t fate = random_.below(100);
    if (fate < 25) {
      trace_.event("killed");
      ++crashes_;
      trace_.fired.add(Fault::kCrash);
      if (zones_ && zones_->lost()) trace_.fired.add(Fault::kDeathBeforeRepair);
      trace_.set_executor(nullptr);
      owner_.reset();
    } else if (fate < 70) {
      pause(*owner_);
    } else if (fate < 80) {
      stop_cleanly(*owner_);
      trace_.set_executor(nullptr);
      owner_.reset();
    }
  }
  if (trace_.violated()) return;
  newcomer_ = begin();
  may_be_followed_ = true;
  const bool wakes_early = random_.below(3) == 0;
  if (wakes_early && owner_ != nullptr) {
    const base::Duration nap(
        random_.below(static_cast<uint64_t>(base::Duration(knobs_.lease * 3).count())));
    newcomer_->executor().run_after(nap, [this] {
      if (owner_ != nullptr) wake(*owner_);
    });
  }
  const Opened opened = open(*newcomer_);
  if (opened != Opened::kRefused) may_be_followed_ = false;
  if (opened == Opened::kYes) {
    follow(std::move(newcomer_));
  } else {
    trace_.set_executor(nullptr);
    newcomer_.reset();
    if (owner_ != nullptr) wake(*owner_);
  }
  // Half a life with whoever came before, then another without.
  const uint64_t last_step = owner_ == nullptr ? 0 : owner_->executor().steps() + kLifeStepsMax;
  const auto tired = [&] { return owner_ == nullptr || owner_->executor().steps() > last_step; };
  wake_old();
  (void)step_until(tired, knobs_.life_max / 2);
  if (random_.below(4) != 0) end_old();
  (void)step_until(tired, knobs_.life_max / 2);
}

void OwnersRun::follow(Process next) {
  trace_.set_executor(nullptr);
  if (old_.size() == kOldMax) {
    ++crashes_;
    old_.erase(old_.begin());
  }
  if (owner_ != nullptr) old_.push_back(std::move(owner_));
  owner_ = std::move(next);
  settle(*owner_);
  play(*owner_);
}

void OwnersRun::end_old() {
  crashes_ += old_.size();
  trace_.set_executor(nullptr);
  old_.clear();
}

void OwnersRun::wake_old() {
  for (const Process& old : old_) {
    if (old->paused()) trace_.fired.add(Fault::kZombie);
    wake(*old);
  }
}

void OwnersRun::pause(OwnerProcess& process) {
  trace_.event("paused");
  trace_.fired.add(Fault::kPause);
  process.pause();
}

void OwnersRun::wake(OwnerProcess& process) {
  if (process.paused() && !process.clock().faults().counts_pauses) {
    trace_.fired.add(Fault::kPauseUncounted);
  }
  process.wake(now_);
}

void OwnersRun::heal_and_check() {
  healed_ = true;
  trace_.set_executor(nullptr);
  end_old();
  owner_.reset();
  bucket_.land_all();
  if (zones_) zones_->heal();
  newcomer_ = begin();
  BucketFaults& faults = newcomer_->network().faults;
  faults = {.delay_min = faults.delay_min, .delay_max = faults.delay_max};
  if (open(*newcomer_) != Opened::kYes) return;
  owner_ = std::move(newcomer_);
  settle(*owner_);
  for (const StreamId stream : model_.alive()) {
    if (trace_.violated()) return;
    const auto appended =
        drive(append_one(*owner_->scene, stream), kAppendMax, "an append after healing");
    if (appended && !*appended) trace_.violation("an append after healing was refused");
  }
  if (!trace_.violated()) stop_cleanly(*owner_);
}

}  // namespace thalweg::sim
