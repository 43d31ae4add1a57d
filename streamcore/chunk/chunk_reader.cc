// Reading chunks of a closed epoch from whichever replica holds them whole.
#include <algorithm>
#include <string>

#include "streamcore/base/log.h"
#include "streamcore/chunk/recovery.h"

namespace thalweg::chunk {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Task;

namespace {

// Bytes of a store at a distance may be damaged on the way, and the one copy there may be is not
// given up for that.
constexpr int kLooksMax = 4;

template <class T>
bool is_corrupt(const Result<T>& read) {
  return !read && read.error().code == ErrorCode::kCorrupt;
}

// What the replicas asked so far had instead of a valid copy.
struct Misses {
  std::vector<ChunkReplica*> corrupt;
  size_t unavailable = 0;
  std::string messages;

  void add(ChunkReplica* replica, const base::Error& error) {
    if (error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported) {
      corrupt.push_back(replica);
    } else if (error.code != ErrorCode::kNotFound) {
      ++unavailable;
    }
    messages += (messages.empty() ? "" : "; ") + error.message;
  }
  base::Error error(const ChunkKey& key) const {
    const ErrorCode code = unavailable != 0  ? ErrorCode::kUnavailable
                           : corrupt.empty() ? ErrorCode::kNotFound
                                             : ErrorCode::kCorrupt;
    return {code, "no valid copy of " + to_string(key) + ": " + messages};
  }
};

// A slow store is asked last.
std::vector<ChunkReplica*> quickest_first(std::vector<ChunkReplica*> replicas) {
  for (auto at = replicas.begin(); at != replicas.end(); ++at) {
    const auto slower = std::ranges::upper_bound(replicas.begin(), at, (*at)->read_delay(), {},
                                                 &ChunkReplica::read_delay);
    std::rotate(slower, at, at + 1);
  }
  return replicas;
}

Task<Result<ChunkView>> read_once(ChunkReplica* replica, ChunkKey key) {
  base::Slice bytes = CO_TRY(co_await replica->read(key));
  ChunkView view = CO_TRY(ChunkView::open(std::move(bytes)));
  CO_TRY(check_lies_in(key, view.header()));
  co_return view;
}

Task<Result<ChunkView>> read_copy(ChunkReplica* replica, ChunkKey key) {
  Result<ChunkView> view = co_await read_register(replica, key);
  if (view && view->header().kind == ChunkKind::kSeal) {
    co_return fail(ErrorCode::kNotFound, to_string(key) + " is sealed");
  }
  co_return view;
}

Task<Result<std::vector<IndexedEntry>>> read_index(ChunkReplica* replica, ChunkKey key) {
  auto index = co_await replica->read_index(key);
  for (int looks = 1; is_corrupt(index) && looks < kLooksMax; ++looks) {
    index = co_await replica->read_index(key);
  }
  co_return index;
}

// A register cannot be written twice, so the good bytes go beside it, where readers look next.
Task<void> repair(std::vector<ChunkReplica*> corrupt, ChunkKey key, base::Slice chunk) {
  key.adopted = true;
  for (ChunkReplica* replica : corrupt) {
    const auto put = co_await replica->put_if_absent(key, chunk);
    if (!put) base::log_warn("chunk repair failed " + to_string(key) + ": " + put.error().message);
  }
}

}  // namespace

Task<Result<ChunkView>> read_register(ChunkReplica* replica, ChunkKey key) {
  Result<ChunkView> view = co_await read_once(replica, key);
  for (int looks = 1; is_corrupt(view) && looks < kLooksMax; ++looks) {
    view = co_await read_once(replica, key);
  }
  co_return view;
}

Task<Result<ChunkView>> read_chunk_view(std::vector<ChunkReplica*> replicas, ChunkKey key) {
  Misses misses;
  replicas = quickest_first(std::move(replicas));
  for (const bool adopted : {false, true}) {
    if (adopted && replicas.size() == 1) break;  // the one replica adopts what is in its registers
    ChunkKey copy = key;
    copy.adopted = adopted;
    for (ChunkReplica* replica : replicas) {
      Result<ChunkView> view = co_await read_copy(replica, copy);
      if (view) {
        if (!adopted) co_await repair(misses.corrupt, key, view->slice());
        co_return view;
      }
      if (is_corrupt(view)) {
        base::log_error("chunk copy is corrupt " + to_string(copy) + ": " + view.error().message);
      }
      misses.add(replica, view.error());
    }
  }
  co_return std::unexpected(misses.error(key));
}

Task<Result<base::Slice>> read_chunk(std::vector<ChunkReplica*> replicas, ChunkKey key) {
  const ChunkView view = CO_TRY(co_await read_chunk_view(std::move(replicas), key));
  co_return view.slice();
}

Task<Result<std::vector<IndexedEntry>>> read_chunk_index(std::vector<ChunkReplica*> replicas,
                                                         ChunkKey key) {
  Misses misses;
  replicas = quickest_first(std::move(replicas));
  for (const bool adopted : {false, true}) {
    if (adopted && replicas.size() == 1) break;
    ChunkKey copy = key;
    copy.adopted = adopted;
    for (ChunkReplica* replica : replicas) {
      Result<std::vector<IndexedEntry>> index = co_await read_index(replica, copy);
      if (index) co_return index;
      if (is_corrupt(index)) {
        base::log_error("chunk index is corrupt " + to_string(copy) + ": " + index.error().message);
      }
      misses.add(replica, index.error());
    }
  }
  co_return std::unexpected(misses.error(key));
}

}  // namespace thalweg::chunk
