// Random: the only source of randomness, so that the simulator can replay a run from its seed.
#pragma once

#include <cstdint>
#include <memory>

namespace thalweg::base {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound) { return next() % bound; }
};

// xoshiro256** (Blackman and Vigna), the same sequence for the same seed.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed);
  uint64_t next() override;

 private:
  uint64_t state_[4];
};

// Seeded from the kernel.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  uint64_t next() override { return generator_.next(); }

 private:
  SeededRandom generator_;
};

}  // namespace thalweg::base
