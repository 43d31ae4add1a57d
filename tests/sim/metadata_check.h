// What a healed and drained log leaves in metadata and in the object store: exactly what is
// referred to.
#pragma once

#include "streamcore/metadata/metadata_store.h"
#include "streamcore/object_store/object_store.h"
#include "tests/sim/trace.h"

namespace thalweg::sim {

// Call after the grace of the last deletion. Every object row is COMMITTED and counts its
// references, the objects stored are those of the rows, and no range that lies below its stream's
// trim point is kept.
base::Task<base::Status> check_nothing_leaked(metadata::MetadataStore& metadata,
                                              object_store::ObjectStore& objects, Trace& trace);

}  // namespace thalweg::sim
