// ObjectStore: immutable objects under string keys, written once.
//
// Rules every backend keeps (one contract suite checks them all):
//  - put_if_absent is atomic: no reader ever sees a part of an object, and of several racing
//    writers one creates.
//  - An answer kCreated means durable. kUnknownOutcome (a time-out, a conflict, a 5xx) says
//    nothing: the object may appear later. The caller may send the same bytes to the same key
//    again, never others.
//  - kClosed: the store has ended and answers so from now on; this call did nothing. Trying again
//    is of no use until the store is opened again.
//  - A key that was removed may be created again: never re-use keys whose absence means something.
//
// Keys are 1..1024 bytes of [A-Za-z0-9._/-]; their path parts are 1..250 bytes, never "." or ".."
// (object_key.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/parts.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"

namespace thalweg::object_store {

enum class PutOutcome { kCreated, kExists };

struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct ObjectInfo {
  std::string key;
  uint64_t size = 0;
};

struct ListPage {
  std::vector<ObjectInfo> objects;  // by key, ascending
  bool more = false;                // ask again with start_after = the last key
};

inline constexpr size_t kListPageMax = 1000;

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // The object is the parts one after the other; their bytes live until the Task is done. Errors:
  // kUnknownOutcome; kNoSpace and kCorrupt (the parts are not what their CRC says): nothing was
  // created; kInvalidArgument (the key).
  virtual base::Task<base::Result<PutOutcome>> put_if_absent(std::string key,
                                                             base::Parts parts) = 0;
  // put_if_absent of a free key, as it goes when its answer is lost on the way and it is sent
  // again: kCreated if the store knows it for the one it has. For store_check.h; a store without a
  // way to lose an answer on puts once.
  virtual base::Task<base::Result<PutOutcome>> put_twice(std::string key, base::Parts parts);
  // The whole object, or exactly `range` of it (kOutOfRange if it is shorter). kNotFound,
  // kUnavailable.
  virtual base::Task<base::Result<base::Slice>> get(std::string key,
                                                    std::optional<ByteRange> range) = 0;
  virtual base::Task<base::Result<ObjectInfo>> head(std::string key) = 0;  // kNotFound
  // Removing what is not there succeeds.
  virtual base::Task<base::Status> remove(std::string key) = 0;
  // The same for many, in any order; an error says that some may be left. One after the other,
  // unless a store knows better.
  virtual base::Task<base::Status> remove_all(std::vector<std::string> keys);
  // Objects whose key starts with `prefix` and is greater than `start_after`, at most kListPageMax.
  virtual base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) = 0;
};

}  // namespace thalweg::object_store
