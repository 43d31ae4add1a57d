// The plants around an object store. Null: none of them is this one.
#pragma once

#include <memory>

#include "streamcore/base/task_group.h"
#include "streamcore/object_store/object_store.h"
#include "tests/sim/plants.h"

namespace thalweg::sim {

// `frames`: where what goes on behind an answer runs.
std::unique_ptr<object_store::ObjectStore> planted_objects(Plant plant,
                                                           object_store::ObjectStore& objects,
                                                           base::TaskGroup& frames);

}  // namespace thalweg::sim
