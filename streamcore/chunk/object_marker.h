// The marker of an object store's life (P8), an object of its own: which incarnation of the chunk
// log the store holds. ObjectReplica watches it; here it is read, and made.
//
// It is made where metadata has no channel yet, and by the operator's command that replaces a lost
// store, nowhere else.
#pragma once

#include <cstdint>
#include <vector>

#include "streamcore/base/result.h"
#include "streamcore/base/task.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::chunk {

// The incarnation a marker names, 0 if there is none. kUnavailable: it cannot be read; what is
// damaged, here or on the way, names no other store.
base::Result<uint64_t> marker_of(const base::Result<base::Slice>& read);
base::Task<base::Result<uint64_t>> read_marker(object_store::ObjectStore& store);

// Nothing lies in the store but its marker, which names `marker`, and logs of the incarnations
// `known`. kNotFound: a log without a marker; kAlreadyExists: the log of other metadata.
base::Task<base::Status> check_no_other_log(object_store::ObjectStore& store, uint64_t marker,
                                            std::vector<uint64_t> known);

// Put if absent; what the marker then says. kUnavailable.
base::Task<base::Result<uint64_t>> create_marker(object_store::ObjectStore& store,
                                                 uint64_t incarnation);

}  // namespace thalweg::chunk
