// The plants around the file system. Null: none of them is this one.
#pragma once

#include <memory>

#include "streamcore/base/file_system.h"
#include "streamcore/base/task_group.h"
#include "tests/sim/plants.h"

namespace thalweg::sim {

// `frames`: where what goes on behind an answer runs.
std::unique_ptr<base::FileSystem> planted_files(Plant plant, base::FileSystem& files,
                                                base::TaskGroup& frames);

}  // namespace thalweg::sim
