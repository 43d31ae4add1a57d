// LogBoundary: up to which slot the log may have been deleted. Boundaries are write-once objects;
// the largest one listed counts, and a boundary is durable before anything is deleted because of
// it.
//
// A put or a get of a slot at or below the boundary says nothing: the slot may be empty because it
// was deleted, and may have been filled again by a request that came late. So whoever puts or gets
// a slot lists the boundaries *afterwards* and believes what it got only if none is at or past the
// slot.
#pragma once

#include "streamcore/metadata/log_objects.h"

namespace thalweg::metadata {

// Older boundaries are removed beyond this many. One list request must not see so many come that
// both the ones it started with and the ones that replaced them are missing from its answer.
inline constexpr size_t kBoundariesKept = 64;

class LogBoundary {
 public:
  explicit LogBoundary(object_store::ObjectStore& store) : store_(store) {}

  // The largest boundary seen so far; it never goes back.
  LogPosition known() const { return known_; }
  // Lists the boundaries past known() afresh. Errors of list().
  base::Task<base::Status> refresh();
  // Makes `n` a durable boundary. kUnknownOutcome if neither the put nor a list proves it; errors
  // of the store.
  base::Task<base::Status> publish(LogPosition n);
  // Removes boundaries beyond the newest kBoundariesKept.
  base::Task<base::Status> remove_old();

 private:
  object_store::ObjectStore& store_;
  LogPosition known_;
};

}  // namespace thalweg::metadata
