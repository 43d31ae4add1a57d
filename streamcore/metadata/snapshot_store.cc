#include "streamcore/metadata/snapshot_store.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "streamcore/base/log.h"
#include "streamcore/metadata/snapshot_format.h"

namespace thalweg::metadata {

namespace {

// What one request reads back: checked without decoding, so it may be larger than a slice.
constexpr uint64_t kReadBackBytes = 2 << 20;

// Whether the snapshot itself is at fault, not the way to it.
bool is_damage(const base::Error& error) {
  return error.code == base::ErrorCode::kCorrupt || error.code == base::ErrorCode::kUnsupported ||
         error.code == base::ErrorCode::kNotFound || error.code == base::ErrorCode::kOutOfRange;
}

// What looks damaged is read twice: the damage may have come about on the way.
bool may_be_the_way(const base::Status& read) {
  return !read && read.error().code == base::ErrorCode::kCorrupt;
}

void report(LogPosition position, const base::Error& error) {
  base::log_warn("metadata snapshot passed over object=" + object_name(kSnapshotPrefix, position) +
                 " reason=\"" + error.message + "\"");
}

}  // namespace

base::Task<base::Result<std::optional<LoadedSnapshot>>> SnapshotStore::load_newest(
    LogPosition past) {
  const auto positions = CO_TRY(co_await list_positions(store_, kSnapshotPrefix, past));
  for (const LogPosition position : std::views::reverse(positions)) {
    auto state = std::make_shared<OrderedState>();
    base::Status loaded = co_await load(position, *state);
    if (may_be_the_way(loaded)) {
      state = std::make_shared<OrderedState>();
      loaded = co_await load(position, *state);
    }
    if (loaded) {
      verified_.insert(position);
      co_return LoadedSnapshot{position, std::move(state)};
    }
    if (!is_damage(loaded.error())) co_return std::unexpected(loaded.error());
    report(position, loaded.error());
  }
  co_return std::nullopt;
}

base::Task<base::Status> SnapshotStore::load(LogPosition position, OrderedState& into) {
  const std::string name = object_name(kSnapshotPrefix, position);
  const base::Slice object = CO_TRY(co_await store_.get(name, std::nullopt));
  SnapshotDecoder decoder(base::as_chars(object.bytes), position, name, into);
  while (!CO_TRY(decoder.step(kSnapshotSliceBytes))) co_await base::yield(executor_);
  co_return base::Status{};
}

base::Task<base::Result<bool>> SnapshotStore::write(LogPosition position,
                                                    std::shared_ptr<OrderedState> state,
                                                    base::TaskGroup& group) {
  std::vector<std::string> parts;
  {
    FrozenState frozen(*state);
    SnapshotEncoder encoder(position, frozen);
    while (auto part = encoder.next(kSnapshotSliceBytes)) {
      parts.push_back(std::move(*part));
      co_await base::yield(executor_);
      if (group.stopping()) co_return base::fail(base::ErrorCode::kClosed, "stopping");
    }
  }
  std::vector<base::ByteView> views;
  for (const std::string& part : parts) views.push_back(base::as_bytes(part));
  const auto put =
      co_await store_.put_if_absent(object_name(kSnapshotPrefix, position), std::move(views));
  parts = {};  // not needed beside what is read back
  // Created, already there or unknown: what counts is what can be read.
  if (!put && put.error().code != base::ErrorCode::kUnknownOutcome) {
    co_return std::unexpected(put.error());
  }
  co_return co_await verify(position);
}

base::Task<base::Result<bool>> SnapshotStore::verify(LogPosition position) {
  if (verified_.contains(position)) co_return true;
  base::Status read = co_await read_back(position);
  if (may_be_the_way(read)) read = co_await read_back(position);
  if (read) {
    verified_.insert(position);
    co_return true;
  }
  if (!is_damage(read.error())) co_return std::unexpected(read.error());
  report(position, read.error());
  co_return false;
}

base::Task<base::Status> SnapshotStore::read_back(LogPosition position) {
  const std::string name = object_name(kSnapshotPrefix, position);
  const object_store::ObjectInfo info = CO_TRY(co_await store_.head(name));
  SnapshotVerifier verifier;
  for (uint64_t offset = 0; offset < info.size;) {
    const uint64_t length = std::min(kReadBackBytes, info.size - offset);
    const base::Slice part =
        CO_TRY(co_await store_.get(name, object_store::ByteRange{offset, length}));
    verifier.add(base::as_chars(part.bytes));
    offset += length;
  }
  co_return verifier.finish(position, name);
}

base::Task<base::Result<std::vector<LogPosition>>> SnapshotStore::newest_two_verified() {
  const auto positions = CO_TRY(co_await list_positions(store_, kSnapshotPrefix, LogPosition(0)));
  std::vector<LogPosition> found;
  for (const LogPosition position : std::views::reverse(positions)) {
    if (CO_TRY(co_await verify(position))) found.push_back(position);
    if (found.size() == 2) break;
  }
  co_return found;
}

base::Task<base::Status> SnapshotStore::remove_before(LogPosition position) {
  const auto positions = CO_TRY(co_await list_positions(store_, kSnapshotPrefix, LogPosition(0)));
  std::vector<std::string> old;
  for (const LogPosition each : positions) {
    if (each >= position) break;
    old.push_back(object_name(kSnapshotPrefix, each));
    verified_.erase(each);
  }
  co_return co_await store_.remove_all(std::move(old));
}

}  // namespace thalweg::metadata
