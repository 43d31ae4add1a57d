#include "streamcore/chunk/local_replica.h"

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/chunk/incarnation_format.h"

namespace thalweg::chunk {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

namespace {

constexpr const char* kDirectory = "log";
constexpr const char* kLockPath = "log/lock";
constexpr const char* kMarkerPath = "log/incarnation";
constexpr const char* kNewMarkerPath = "log/incarnation.new";

base::Error no_adopted_copies(ChunkKey key) {
  return {ErrorCode::kNotFound, to_string(key) + ": a local log has no adopted copies"};
}

}  // namespace

Task<Result<std::unique_ptr<LocalReplica>>> LocalReplica::open(base::FileSystem& files,
                                                               base::Executor& executor,
                                                               base::Random& random,
                                                               LocalReplicaOptions options) {
  auto held = CO_TRY(co_await lock(files));
  auto replica = CO_TRY(co_await open_locked(files, executor, random, options));
  replica->lock_ = std::move(held);
  co_return replica;
}

Task<Result<std::unique_ptr<base::FileLock>>> LocalReplica::lock(base::FileSystem& files) {
  CO_TRY(co_await files.make_directories(kDirectory));
  Result<std::unique_ptr<base::FileLock>> held = files.lock(kLockPath);
  if (!held && held.error().code == ErrorCode::kAlreadyExists) {
    co_return fail(ErrorCode::kAlreadyExists, "data directory is in use by another process");
  }
  co_return held;
}

Task<Result<std::unique_ptr<LocalReplica>>> LocalReplica::open_locked(base::FileSystem& files,
                                                                      base::Executor& executor,
                                                                      base::Random& random,
                                                                      LocalReplicaOptions options) {
  std::unique_ptr<LocalReplica> replica(new LocalReplica(files, executor, options));
  CO_TRY(co_await replica->load(random));
  co_return replica;
}

Task<Status> LocalReplica::load(base::Random& random) {
  std::vector<ChannelId> found;
  for (const std::string& name : CO_TRY(co_await files_.list(kDirectory))) {
    if (const auto channel = decode_channel_name(name)) found.push_back(*channel);
  }
  CO_TRY(co_await load_incarnation(random, !found.empty()));
  for (const ChannelId channel : found) CO_TRY(co_await log_of(channel).load());
  co_return Status();
}

Task<Status> LocalReplica::load_incarnation(base::Random& random, bool has_log) {
  const auto file = co_await files_.open(kMarkerPath, {});
  if (file) {
    std::byte bytes[kIncarnationBytes + 1];
    const size_t got = CO_TRY(co_await (*file)->read_at(bytes, 0));
    const Result<uint64_t> incarnation = decode_incarnation({bytes, got});
    if (!incarnation) {
      co_return fail(incarnation.error().code,
                     std::string(kMarkerPath) + ": " + incarnation.error().message);
    }
    incarnation_ = *incarnation;
    // Whoever made it may have died before the sync, and no log may outlive its marker.
    co_return co_await files_.sync_directory(kDirectory);
  }
  if (file.error().code != ErrorCode::kNotFound) co_return std::unexpected(file.error());
  if (has_log) {
    co_return fail(ErrorCode::kNotFound,
                   "data directory has a log but no incarnation marker (log/incarnation): it was "
                   "damaged or put together by hand, and is not used");
  }
  if (!options_.create_if_empty) {
    co_return fail(ErrorCode::kNotFound,
                   "data directory has metadata but no log (log/incarnation is missing): mount or "
                   "restore log/, which may hold acknowledged records that are nowhere else, or "
                   "start with an empty data directory");
  }
  do {
    incarnation_ = random.next();
  } while (incarnation_ == 0);
  co_return co_await create_incarnation(incarnation_);
}

// Put-if-absent, and durable before any chunk can be: a marker that appears later would be a lie.
Task<Status> LocalReplica::create_incarnation(uint64_t incarnation) {
  const std::string bytes = encode_incarnation(incarnation);
  const auto file = CO_TRY(
      co_await files_.open(kNewMarkerPath, {.create = true, .purpose = base::Purpose::kUpkeep}));
  CO_TRY(co_await file->truncate(0));
  std::vector<base::ByteView> parts{base::as_bytes(bytes)};
  CO_TRY(co_await file->write_at(std::move(parts), 0, true));
  CO_TRY(co_await files_.link(kNewMarkerPath, kMarkerPath));
  CO_TRY(co_await files_.sync_directory(kDirectory));
  co_return co_await files_.remove(kNewMarkerPath);
}

ChannelLog& LocalReplica::log_of(ChannelId channel) {
  std::unique_ptr<ChannelLog>& log = channels_[channel];
  if (log == nullptr) {
    log = std::make_unique<ChannelLog>(files_, executor_, options_, health_, incarnation_, channel);
  }
  return *log;
}

const ChannelLog* LocalReplica::find(ChannelId channel) const {
  const auto found = channels_.find(channel);
  return found == channels_.end() ? nullptr : found->second.get();
}

Task<Result<PutOutcome>> LocalReplica::put_if_absent(ChunkKey key, Slice chunk) {
  if (key.adopted) co_return std::unexpected(no_adopted_copies(key));
  co_return co_await log_of(key.channel).put_if_absent(key, std::move(chunk));
}

Task<Result<ChunkHeader>> LocalReplica::head(ChunkKey key) {
  if (key.adopted) co_return std::unexpected(no_adopted_copies(key));
  co_return log_of(key.channel).head(key);
}

Task<Result<Slice>> LocalReplica::read(ChunkKey key) {
  const ChunkHeader header = CO_TRY(co_await head(key));
  co_return co_await read_range(key, 0, header.total_length);
}

Task<Result<Slice>> LocalReplica::read_range(ChunkKey key, uint64_t position, uint64_t length) {
  if (key.adopted) co_return std::unexpected(no_adopted_copies(key));
  co_return co_await log_of(key.channel).read_range(key, position, length);
}

Task<Result<std::vector<IndexedEntry>>> LocalReplica::read_index(ChunkKey key) {
  const ChunkHeader header = CO_TRY(co_await head(key));
  if (header.kind == ChunkKind::kSeal) {
    co_return fail(ErrorCode::kNotFound, to_string(key) + " is sealed");
  }
  const Slice index =
      CO_TRY(co_await read_range(key, header.index_position, header.index_length()));
  co_return decode_index(header, index.bytes);
}

Task<Result<PutOutcome>> LocalReplica::seal(ChunkKey key, uint64_t sealer_nonce) {
  if (key.adopted) co_return std::unexpected(no_adopted_copies(key));
  co_return co_await log_of(key.channel).seal(key, sealer_nonce);
}

Task<Result<std::vector<ChunkKey>>> LocalReplica::list(ChannelId channel, ChannelEpoch epoch) {
  co_return log_of(channel).list(epoch);
}

Task<Status> LocalReplica::make_durable() {
  for (const auto& [channel, log] : channels_) CO_TRY(co_await log->make_durable());
  co_return Status();
}

Task<Status> LocalReplica::remove_below(ChannelId channel, ChannelEpoch epoch,
                                        ChunkSeq free_below) {
  co_return co_await log_of(channel).remove_below({epoch, free_below});
}

uint64_t LocalReplica::ready_bytes(ChannelId channel, uint64_t longest) {
  const ChannelLog* const log = find(channel);
  return log == nullptr ? 0 : log->ready_bytes(longest);
}

Task<Status> LocalReplica::make_ready(ChannelId channel, uint64_t bytes) {
  co_return co_await log_of(channel).make_ready(bytes);
}

Task<void> LocalReplica::stop_and_join() {
  for (const auto& [channel, log] : channels_) co_await log->stop_and_join();
}

std::vector<ChannelEpoch> LocalReplica::epochs(ChannelId channel) const {
  const ChannelLog* const log = find(channel);
  return log == nullptr ? std::vector<ChannelEpoch>() : log->epochs();
}

}  // namespace thalweg::chunk
