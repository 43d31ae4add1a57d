// store_check: whether a store keeps the promises the engine stands on, tried out on it.
//
// It works under keys of its own, check/<random>/..., and removes them. What a store answers wrong
// once it must never be trusted with: a broken promise loses acknowledged records later.
#pragma once

#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::object_store {

struct CheckEffort {
  int races = 1;  // of so many puts of one key at once
  int racers = 4;
  size_t object_bytes = 64 << 10;

  // A second against a store in the same region.
  static CheckEffort at_start() { return {}; }
  static CheckEffort thorough() { return {.races = 20, .racers = 12, .object_bytes = 4 << 20}; }
};

struct CheckStep {
  std::string promise;
  base::Status outcome;  // kUnsupported: it is broken; other codes: it could not be tried
  base::Duration took{};
};

// Steps up to the first that failed, which is the last.
base::Task<std::vector<CheckStep>> check_store(ObjectStore& store, base::Executor& executor,
                                               base::Random& random, CheckEffort effort);

}  // namespace thalweg::object_store
