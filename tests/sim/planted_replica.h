// The plants around one replica of the log. Null: none of them is this one.
#pragma once

#include <memory>

#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_replica.h"
#include "tests/sim/plants.h"

namespace thalweg::sim {

// Of the only replica there is the zone is 0. `frames`: where what goes on behind an answer runs.
std::unique_ptr<chunk::ChunkReplica> planted_replica(Plant plant, chunk::ChunkReplica& replica,
                                                     size_t zone, base::TaskGroup& frames);

}  // namespace thalweg::sim
