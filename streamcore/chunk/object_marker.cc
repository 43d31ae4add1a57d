#include "streamcore/chunk/object_marker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/chunk/incarnation_format.h"

namespace thalweg::chunk {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

Result<uint64_t> marker_of(const Result<Slice>& read) {
  if (!read && read.error().code == ErrorCode::kNotFound) return 0;
  if (!read) {
    return fail(ErrorCode::kUnavailable,
                "the incarnation marker cannot be read: " + read.error().message);
  }
  const Result<uint64_t> found = decode_incarnation(read->bytes);
  if (!found) return fail(ErrorCode::kUnavailable, found.error().message);
  return *found;
}

Task<Result<uint64_t>> read_marker(object_store::ObjectStore& store) {
  co_return marker_of(co_await store.get(std::string(kIncarnationObjectKey), std::nullopt));
}

namespace {

Status other_log(uint64_t marker, const std::string& key) {
  if (marker == 0) {
    return fail(ErrorCode::kNotFound, "the store has a log but no incarnation marker (" +
                                          std::string(kIncarnationObjectKey) +
                                          "), and is not used: " + key);
  }
  return fail(ErrorCode::kAlreadyExists,
              "the store has the log of other metadata, and is not used: " + key);
}

}  // namespace

Task<Status> check_no_other_log(object_store::ObjectStore& store, uint64_t marker,
                                std::vector<uint64_t> known) {
  std::string after;
  for (bool more = true; more;) {
    const object_store::ListPage page =
        CO_TRY(co_await store.list(std::string(kChunkObjectPrefix), after));
    more = page.more;
    for (const object_store::ObjectInfo& object : page.objects) {
      after = object.key;
      if (object.key == kIncarnationObjectKey) continue;
      const auto name = decode_chunk_object_key(object.key);
      if (!name || std::ranges::find(known, name->incarnation) == known.end()) {
        co_return other_log(marker, object.key);
      }
      after = chunk_object_end(name->incarnation);
      more = true;
      break;
    }
  }
  co_return Status();
}

Task<Result<uint64_t>> create_marker(object_store::ObjectStore& store, uint64_t incarnation) {
  const std::string bytes = encode_incarnation(incarnation);
  const auto put =
      co_await store.put_if_absent(std::string(kIncarnationObjectKey), {base::as_bytes(bytes)});
  // Another process may have been first, or the outcome is not known: the marker tells.
  const uint64_t found = CO_TRY(co_await read_marker(store));
  if (found != 0) co_return found;
  co_return fail(ErrorCode::kUnavailable, "the incarnation marker could not be created: " +
                                              (put ? "it vanished" : put.error().message));
}

}  // namespace thalweg::chunk
