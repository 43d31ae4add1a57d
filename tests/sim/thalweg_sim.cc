// thalweg_sim: runs seeds of the simulator and says what they broke.
//
//   thalweg_sim --seed N [--seeds K] [--zones | --owners] [--trace] [--plant NAME]
//               [--expect-caught]
//
// --zones: the chunk log lies in three buckets instead of on the disk. --owners: everything lies in
// one, and processes that own it follow each other while the last may still live.
// Exit: 0 no violation (with --expect-caught: one was found and printed; an abort is none), 1
// otherwise, 2 misuse.
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <climits>
#include <cstring>
#include <iostream>
#include <string>

#include "tests/sim/seed_run.h"

namespace thalweg::sim {
namespace {

struct Arguments {
  uint64_t seed = 1;
  uint64_t seeds = 1;
  bool trace = false;
  bool expect_caught = false;
  World world = World::kLocal;
  Plant plant = Plant::kNone;
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  const auto number = [&](int i, uint64_t& into) {
    if (i >= argc) return false;
    const char* const end = argv[i] + std::strlen(argv[i]);
    return std::from_chars(argv[i], end, into).ptr == end;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    bool good = true;
    if (word == "--trace") {
      arguments.trace = true;
    } else if (word == "--zones") {
      arguments.world = World::kZones;
    } else if (word == "--owners") {
      arguments.world = World::kOwners;
    } else if (word == "--expect-caught") {
      arguments.expect_caught = true;
    } else if (word == "--seed") {
      good = number(++i, arguments.seed);
    } else if (word == "--seeds") {
      good = number(++i, arguments.seeds);
    } else if (word == "--plant" && i + 1 < argc) {
      const auto plant = plant_named(argv[++i]);
      good = plant.has_value();
      arguments.plant = plant.value_or(Plant::kNone);
    } else {
      good = false;
    }
    if (!good) return std::nullopt;
  }
  return arguments;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

// The number of seeds that broke something.
uint64_t run_seeds(const Arguments& arguments) {
  announce_seed_on_abort();
  uint64_t broken = 0;
  uint64_t acked = 0;
  uint64_t crashes = 0;
  FaultCounts fired;
  base::Duration simulated{0};
  for (uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
    const SeedOutcome outcome = run_seed(seed, arguments.world, arguments.plant, arguments.trace);
    acked += outcome.acked;
    crashes += outcome.crashes;
    fired.add(outcome.fired);
    simulated += outcome.simulated;
    if (!outcome.violation.has_value()) continue;
    ++broken;
    std::cout << "seed " << seed << ": " << *outcome.violation << std::endl;
    if (arguments.expect_caught) return broken;
    std::cout << "repeat: " << command_of(seed, arguments.world) << std::endl;
  }
  const double seconds = std::chrono::duration<double>(simulated).count();
  const auto times = static_cast<uint64_t>(seconds / cpu_seconds());
  std::cout << text(arguments.seeds, " seeds from ", arguments.seed, ": ", acked,
                    " acknowledged appends, ", crashes, " crashes, ",
                    static_cast<uint64_t>(seconds), " simulated seconds at ", times,
                    " times real time, ", broken, " broken")
            << "\nfaults: " << to_string(fired) << std::endl;
  return broken;
}

constexpr int kViolated = 1;

// Whether some seed shows a violation, said in words. Each runs in a process of its own: a seed in
// which the plant breaks an invariant of the engine aborts, which proves nothing about the model.
bool is_caught(Arguments arguments) {
  const uint64_t end = arguments.seed + arguments.seeds;
  arguments.seeds = 1;
  for (; arguments.seed < end; ++arguments.seed) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run_seeds(arguments) == 0 ? 0 : kViolated);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kViolated) return true;
  }
  std::cout << "not caught" << std::endl;
  return false;
}

int main(int argc, char** argv) {
  // What one seed gave back the next one needs again.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, INT_MAX);
  const auto arguments = parse(argc, argv);
  if (!arguments.has_value()) {
    std::cerr
        << "usage: thalweg_sim --seed N [--seeds K] [--zones | --owners] [--trace] [--plant NAME] "
           "[--expect-caught]\n";
    return 2;
  }
  if (arguments->expect_caught) return is_caught(*arguments) ? 0 : 1;
  return run_seeds(*arguments) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace thalweg::sim

int main(int argc, char** argv) { return thalweg::sim::main(argc, argv); }
