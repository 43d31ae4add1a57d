// One short history of a stream store, cut off before each of its steps: two epochs that were not
// drained, then a process that opens, reads, appends, trims, offloads and deletes. Whatever the
// cut, the next process must show what the model allows, take appends, and drain to nothing.
#include <gtest/gtest.h>

#include <memory>

#include "streamcore/base/log.h"
#include "tests/sim/actors.h"
#include "tests/sim/metadata_check.h"
#include "tests/sim/sim_process.h"

namespace thalweg::sim {
namespace {

using std::chrono::milliseconds;

// Limits of all sizes, but nothing drains by itself before the cut process offloads.
Knobs short_history_knobs(uint64_t seed) {
  base::SeededRandom random(seed);
  Knobs knobs = draw_knobs(random);
  knobs.store.undrained_epochs_max = 5;
  knobs.store.offload_bytes = 64 << 20;
  knobs.store.offload_interval_ms = 10'000;
  knobs.latency_min = std::chrono::microseconds(20);
  knobs.latency_max = std::chrono::microseconds(200);
  knobs.full_disk = knobs.failing_sync = knobs.bit_rot = false;
  return knobs;
}

class CutHistory {
 public:
  CutHistory(uint64_t knobs_seed, uint64_t cut)
      : knobs_(short_history_knobs(knobs_seed)), cut_(cut), random_(cut) {
    disk_.set_latency(knobs_.latency_min, knobs_.latency_max);
  }

  // The steps the cut process made; fewer than the cut if it came to its end.
  uint64_t run() {
    prepare();
    begin_process();
    process_->executor().stop_at_step(cut_);
    const auto opened = try_run(process_->executor(), process_->open());
    if (opened.has_value() && must(*opened, "open")) {
      Scene scene = make_scene();
      (void)try_run(process_->executor(), act(scene));
    }
    const uint64_t steps = process_->executor().steps();
    crash();
    verify();
    return steps;
  }
  const std::optional<std::string>& violation() const { return trace_.first_violation(); }

 private:
  void begin_process() {
    process_ = std::make_unique<SimProcess>(disk_, now_, random_.next(), knobs_, Plant::kNone);
    trace_.set_executor(&process_->executor());
  }
  void crash() {
    process_->drop();
    disk_.crash(random_);
    now_ = process_->executor().now() + milliseconds(1);
    trace_.set_executor(nullptr);
    process_.reset();
    disk_.attach(idle_);
  }
  Scene make_scene() {
    return Scene{process_->executor(), process_->store(), disk_, model_, trace_, random_, knobs_};
  }
  bool must(const base::Status& status, std::string_view what) {
    if (!status.has_value()) trace_.violation(text(what, ": ", status.error().message));
    return status.has_value();
  }
  base::Status finish(base::Task<base::Status> task) {
    return sim::run(process_->executor(), std::move(task));
  }

  void prepare() {
    for (int epoch = 0; epoch < 2; ++epoch) {
      begin_process();
      if (!must(finish(process_->open()), "open")) return;
      if (epoch == 0) {
        model_.streams_allocated(*sim::run(process_->executor(), process_->store().allocate_streams(
                                                                     2, StorageClass::kLocal)),
                                 2);
      }
      {
        Scene scene = make_scene();
        for (const StreamId stream : model_.streams()) append(scene, stream);
      }
      crash();
    }
  }
  void append(Scene& scene, StreamId stream) {
    if (!sim::run(process_->executor(), append_one(scene, stream))) {
      trace_.violation("an append was refused");
    }
  }

  base::Task<void> act(Scene& scene) {
    const StreamId kept = model_.streams()[0];
    const StreamId removed = model_.streams()[1];
    co_await check_all(scene, true);
    co_await append_one(scene, kept);
    model_.trim_asked(kept, Offset(1));
    if (must(co_await scene.store.trim(kept, Offset(1)), "trim")) {
      model_.trim_acked(kept, Offset(1));
    }
    scene.tasks.spawn(offload(scene));
    co_await append_one(scene, removed);
    model_.remove_asked(removed);
    if (must(co_await scene.store.remove({removed}), "remove")) model_.remove_acked(removed);
    co_await append_one(scene, kept);
    co_await scene.tasks.stop_and_join();
    must(co_await scene.store.offload_all(), "offload");
  }
  base::Task<void> offload(Scene& scene) { must(co_await scene.store.offload_all(), "offload"); }

  void verify() {
    begin_process();
    SimExecutor& executor = process_->executor();
    if (!must(finish(process_->open()), "open after the cut")) return;
    {
      Scene scene = make_scene();
      sim::run(executor, check_all(scene, true));
      for (const StreamId stream : model_.alive()) append(scene, stream);
      executor.run_for(milliseconds(2 * knobs_.store.idle_empty_chunk_ms + 100));
      must(finish(process_->store().offload_all()), "last offload");
      if (process_->store().outstanding_log_bytes() != 0) trace_.violation("did not drain");
      executor.run_for(
          milliseconds(knobs_.store.delete_grace_ms + knobs_.store.destroyed_row_keep_ms) +
          std::chrono::seconds(15));
      must(finish(check_nothing_leaked(process_->metadata(), process_->objects(), trace_)),
           "leak check");
      sim::run(executor, check_all(scene, false));
    }
    crash();
  }

  const Knobs knobs_;
  const uint64_t cut_;
  base::SeededRandom random_;
  SimExecutor idle_;
  base::SeededRandom disk_random_{5};
  SimFileSystem disk_{idle_, disk_random_};
  Trace trace_{false};
  StreamModel model_{trace_};
  base::TimePoint now_{};
  std::unique_ptr<SimProcess> process_;
};

// Sanitizers make a cut cost ten times as much.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr uint64_t kStride = 17;
#else
constexpr uint64_t kStride = 1;
#endif

class CrashPoints : public testing::TestWithParam<uint64_t> {};

TEST_P(CrashPoints, AStoreCutOffBeforeAnyStepShowsWhatItPromised) {
  uint64_t cuts = 0;
  for (uint64_t cut = 0;; cut += kStride, ++cuts) {
    CutHistory history(GetParam(), cut);
    const uint64_t steps = history.run();
    ASSERT_FALSE(history.violation().has_value())
        << "knobs " << GetParam() << " cut before step " << cut << ": " << *history.violation();
    if (steps < cut) break;
  }
  // The history must have been worth something.
  EXPECT_GT(cuts, 300 / kStride);
}

INSTANTIATE_TEST_SUITE_P(Knobs, CrashPoints, testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace thalweg::sim
