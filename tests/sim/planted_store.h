// The plants around what users call. Null: none of them is this one.
#pragma once

#include <memory>

#include "streamcore/base/task_group.h"
#include "streamcore/metadata/lease.h"
#include "streamcore/stream_store.h"
#include "tests/sim/plants.h"

namespace thalweg::sim {

// `frames`: where what goes on behind an answer runs. `lease`: who owns the log, if a lease tells.
std::unique_ptr<StreamStore> planted_store(Plant plant, StreamStore& store, metadata::Lease* lease,
                                           base::TaskGroup& frames);

}  // namespace thalweg::sim
