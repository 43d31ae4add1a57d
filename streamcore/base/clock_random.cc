// The one place that reads the machine's clocks and the kernel's randomness.
#include <sys/random.h>

#include <bit>
#include <ctime>

#include "streamcore/base/check.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"

namespace thalweg::base {

Timestamp SystemClock::wall_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::chrono::nanoseconds SystemClock::since_boot() {
  timespec now{};
  CHECK_EQ(::clock_gettime(CLOCK_BOOTTIME, &now), 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

TimePoint monotonic_now() { return std::chrono::steady_clock::now(); }

SeededRandom::SeededRandom(uint64_t seed) {
  for (uint64_t& word : state_) {  // splitmix64 spreads the seed
    seed += 0x9E3779B97F4A7C15ull;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    word = z ^ (z >> 31);
  }
}

uint64_t SeededRandom::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

namespace {
uint64_t kernel_seed() {
  uint64_t seed = 0;
  CHECK_EQ(::getrandom(&seed, sizeof(seed), 0), static_cast<ssize_t>(sizeof(seed)));
  return seed;
}
}  // namespace

SystemRandom::SystemRandom() : generator_(kernel_seed()) {}

}  // namespace thalweg::base
