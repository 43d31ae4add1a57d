#include "streamcore/chunk/object_replica.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/failure_log.h"
#include "streamcore/base/log.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/chunk/object_marker.h"

namespace thalweg::chunk {

using base::Error;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

namespace {

// What a failed read says of a register.
std::unexpected<Error> read_failed(const ChunkKey& key, Error error) {
  if (error.code == ErrorCode::kOutOfRange) {
    error = {ErrorCode::kCorrupt, to_string(key) + " is cut off: " + error.message};
  } else if (error.code == ErrorCode::kClosed) {
    error.code = ErrorCode::kUnavailable;
  }
  return std::unexpected(std::move(error));
}

}  // namespace

// --- whose store it is

Task<Result<std::unique_ptr<ObjectReplica>>> ObjectReplica::open(object_store::ObjectStore& store,
                                                                 base::Executor& executor,
                                                                 base::Random& random,
                                                                 ObjectReplicaOptions options) {
  std::unique_ptr<ObjectReplica> replica(new ObjectReplica(store, executor, options));
  if (options.create_if_empty) {
    CO_TRY(co_await replica->create_marker(random));
  } else {
    co_await replica->look_for_a_while();
  }
  co_return replica;
}

Task<Status> ObjectReplica::create_marker(base::Random& random) {
  uint64_t found = CO_TRY(co_await chunk::read_marker(store_));
  CO_TRY(co_await check_no_other_log(store_, found, {}));
  if (found == 0) {
    uint64_t incarnation = 0;
    while (incarnation == 0) incarnation = random.next();
    found = CO_TRY(co_await chunk::create_marker(store_, incarnation));
  }
  incarnation_ = found;
  verified_ = true;
  looked_at_ = executor_.now();
  co_return Status();
}

Task<void> ObjectReplica::look_for_a_while() {
  const auto looked = std::make_shared<base::Event>(executor_);
  tasks_.spawn(look_and_tell(looked));
  if (looked->is_set()) co_return;
  const base::TimerId timer = executor_.run_after(options_.open_wait, [looked] { looked->set(); });
  co_await looked->wait();
  executor_.cancel(timer);
}

Task<void> ObjectReplica::look_and_tell(std::shared_ptr<base::Event> looked) {
  const Status status = co_await check_incarnation();
  if (!status) base::log_warn("chunk replica is not used yet: " + status.error().message);
  looked->set();
}

Task<Result<uint64_t>> ObjectReplica::read_marker() {
  co_return marker_of(co_await get(std::string(kIncarnationObjectKey), std::nullopt));
}

Task<Status> ObjectReplica::check_incarnation() {
  const Result<uint64_t> found = co_await read_marker();
  if (!lost_.empty()) co_return fail(ErrorCode::kNotFound, lost_);
  if (!found) co_return std::unexpected(found.error());
  looked_at_ = executor_.now();
  if (*found == 0 && incarnation_ == 0) {
    co_return fail(ErrorCode::kNotFound, "the store has no incarnation marker");
  } else if (incarnation_ != 0 && *found != incarnation_) {
    const std::string got = *found == 0 ? "none: it was emptied" : std::to_string(*found);
    lose("expected incarnation " + std::to_string(incarnation_) + ", got " + got);
  } else {
    incarnation_ = *found;
    verified_ = true;
  }
  if (!lost_.empty()) co_return fail(ErrorCode::kNotFound, lost_);
  co_return Status();
}

void ObjectReplica::bind(uint64_t incarnation) {
  CHECK(incarnation != 0);
  if (incarnation_ == incarnation || !lost_.empty()) return;
  if (incarnation_ != 0) {
    lose("expected incarnation " + std::to_string(incarnation) + ", got " +
         std::to_string(incarnation_));
  }
  incarnation_ = incarnation;
}

void ObjectReplica::lose(std::string reason) {
  lost_ = "the store is not the one that is known: " + std::move(reason);
  verified_ = false;
  base::log_error("chunk replica is lost, " + lost_);
}

Task<Status> ObjectReplica::ready() {
  if (!lost_.empty()) co_return fail(ErrorCode::kUnavailable, lost_);
  if (!verified_) {
    const Status status = co_await check_incarnation();
    if (!status) co_return fail(ErrorCode::kUnavailable, status.error().message);
  } else if (!looking_ && executor_.now() - looked_at_ >= options_.check_interval) {
    looking_ = true;
    tasks_.spawn(look_again());
  }
  co_return Status();
}

Task<void> ObjectReplica::look_again() {
  (void)co_await check_incarnation();  // it keeps what it finds
  looking_ = false;
}

// --- registers

Task<Result<PutOutcome>> ObjectReplica::put_if_absent(ChunkKey key, Slice chunk) {
  const Result<ChunkHeader> header = decode_header(chunk.bytes);
  CHECK(header && header->kind == ChunkKind::kChunk && key_of(*header, key.adopted) == key);
  CHECK_EQ(header->total_length, chunk.bytes.size());
  const Result<PutOutcome> put = co_await create(key, std::move(chunk));
  if (put && *put == PutOutcome::kCreated) remove_if_late(key);
  co_return put;
}

Task<Result<PutOutcome>> ObjectReplica::seal(ChunkKey key, uint64_t sealer_nonce) {
  const base::Buffer bytes = encode_seal({.incarnation = incarnation_,
                                          .channel = key.channel,
                                          .epoch = key.epoch,
                                          .seq = key.seq,
                                          .nonce = sealer_nonce});
  co_return co_await create(key, Slice{bytes, base::ByteView(bytes.data(), kChunkHeaderBytes)});
}

Task<Result<PutOutcome>> ObjectReplica::create(ChunkKey key, Slice bytes) {
  const Status asked = co_await ready();
  if (!asked) {
    const ErrorCode code = lost_.empty() ? ErrorCode::kUnknownOutcome : ErrorCode::kUnavailable;
    co_return fail(code, asked.error().message);
  }
  const auto put =
      co_await store_.put_if_absent(encode_chunk_object_key(incarnation_, key), {bytes.bytes});
  if (put) {
    const bool created = *put == object_store::PutOutcome::kCreated;
    co_return created ? PutOutcome::kCreated : PutOutcome::kExists;
  }
  if (put.error().code == ErrorCode::kNoSpace) co_return std::unexpected(put.error());
  if (put.error().code == ErrorCode::kClosed) {
    co_return fail(ErrorCode::kUnavailable, put.error().message);
  }
  // A header costs less than the chunk again, and tells whose bytes came through, if any did (P2).
  const Result<ChunkHeader> there = co_await read_header(key);
  if (!there) co_return fail(ErrorCode::kUnknownOutcome, put.error().message);
  co_return *there == *decode_header(bytes.bytes) ? PutOutcome::kCreated : PutOutcome::kExists;
}

Task<Result<Slice>> ObjectReplica::get(std::string key,
                                       std::optional<object_store::ByteRange> range) {
  const auto begun = reads_begun_.insert(executor_.now());
  Result<Slice> bytes = co_await store_.get(std::move(key), range);
  usual_delay_ = (usual_delay_ * 3 + (executor_.now() - *begun)) / 4;
  reads_begun_.erase(begun);
  co_return bytes;
}

// One that does not answer is slow before it has.
base::Duration ObjectReplica::read_delay() const {
  if (reads_begun_.empty()) return usual_delay_;
  return std::max(usual_delay_, executor_.now() - *reads_begun_.begin());
}

Task<Result<ChunkHeader>> ObjectReplica::read_header(ChunkKey key) {
  const auto bytes = co_await get(encode_chunk_object_key(incarnation_, key),
                                  object_store::ByteRange{0, kChunkHeaderBytes});
  if (!bytes) co_return read_failed(key, bytes.error());
  const ChunkHeader header = CO_TRY(decode_header(bytes->bytes));
  CO_TRY(check_lies_in(key, header));
  co_return header;
}

Task<Result<ChunkHeader>> ObjectReplica::head(ChunkKey key) {
  CO_TRY(co_await ready());
  co_return co_await read_header(key);
}

Task<Result<Slice>> ObjectReplica::read(ChunkKey key) {
  CO_TRY(co_await ready());
  auto bytes = co_await get(encode_chunk_object_key(incarnation_, key), std::nullopt);
  if (!bytes) co_return read_failed(key, bytes.error());
  co_return std::move(*bytes);
}

Task<Result<Slice>> ObjectReplica::read_range(ChunkKey key, uint64_t position, uint64_t length) {
  CO_TRY(co_await ready());
  auto bytes = co_await get(encode_chunk_object_key(incarnation_, key),
                            object_store::ByteRange{position, length});
  if (!bytes && bytes.error().code != ErrorCode::kOutOfRange) {
    co_return read_failed(key, bytes.error());
  }
  co_return bytes;
}

Task<Result<std::vector<IndexedEntry>>> ObjectReplica::read_index(ChunkKey key) {
  const ChunkHeader header = CO_TRY(co_await head(key));
  if (header.kind == ChunkKind::kSeal) {
    co_return fail(ErrorCode::kNotFound, to_string(key) + " is sealed");
  }
  const Result<Slice> index =
      co_await read_range(key, header.index_position, header.index_length());
  if (!index) co_return read_failed(key, index.error());
  co_return decode_index(header, index->bytes);
}

Task<Result<std::vector<ChunkKey>>> ObjectReplica::list(ChannelId channel, ChannelEpoch epoch) {
  CO_TRY(co_await ready());
  const std::string prefix = chunk_object_prefix(incarnation_, channel, epoch);
  std::vector<ChunkKey> keys;
  object_store::ListPage page;
  std::string last;
  do {
    page = CO_TRY(co_await store_.list(prefix, last));
    for (const object_store::ObjectInfo& object : page.objects) {
      if (const auto name = decode_chunk_object_key(object.key)) keys.push_back(name->key);
    }
    if (!page.objects.empty()) last = page.objects.back().key;
  } while (page.more);
  co_return keys;
}

Task<Status> ObjectReplica::make_durable() { return ready(); }

// --- removing

Task<Status> ObjectReplica::remove_below(ChannelId channel, ChannelEpoch epoch,
                                         ChunkSeq free_below) {
  if (!lost_.empty()) co_return Status();  // what lies there is not of this log
  if (incarnation_ == 0) co_return fail(ErrorCode::kUnavailable, "the store was not reached yet");
  Removal& removal = removals_[channel];
  removal.wanted =
      std::max(removal.wanted, chunk_object_bound(incarnation_, channel, epoch, free_below));
  start_removal(channel);
  co_return Status();
}

bool ObjectReplica::removed_all() const {
  return std::ranges::none_of(removals_, [](const auto& pair) { return pair.second.running; });
}

void ObjectReplica::start_removal(ChannelId channel) {
  const Removal& removal = removals_[channel];
  if (!removal.running && removal.done < removal.wanted) tasks_.spawn(remove_wanted(channel));
}

// On a store slower than its peers a chunk may come after it was offloaded and removed.
void ObjectReplica::remove_if_late(const ChunkKey& key) {
  const auto removal = removals_.find(key.channel);
  if (removal == removals_.end()) return;
  const std::string bound = chunk_object_bound(incarnation_, key.channel, key.epoch, key.seq);
  if (bound >= removal->second.wanted) return;
  removal->second.done = std::min(removal->second.done, bound);
  start_removal(key.channel);
}

Task<void> ObjectReplica::remove_wanted(ChannelId channel) {
  Removal& removal = removals_[channel];
  removal.running = true;
  base::FailureLog log("removal of chunks");
  while (removal.done < removal.wanted && lost_.empty()) {
    const std::string after = std::exchange(removal.done, removal.wanted);
    const Status removed =
        co_await remove_between(chunk_object_prefix(incarnation_, channel), after, removal.done);
    if (removed) {
      log.worked();
      continue;
    }
    removal.done = std::min(removal.done, after);
    log.failed(removed.error().message);
    if (!co_await tasks_.sleep_for(options_.remove_retry)) break;
  }
  removal.running = false;
}

Task<Status> ObjectReplica::remove_between(std::string prefix, std::string after,
                                           std::string bound) {
  CO_TRY(co_await ready());
  for (bool more = true; more;) {
    const object_store::ListPage page = CO_TRY(co_await store_.list(prefix, after));
    std::vector<std::string> chunks;
    for (const object_store::ObjectInfo& object : page.objects) {
      if (object.key >= bound) break;
      if (object.size != kChunkHeaderBytes) chunks.push_back(object.key);  // SEALs stay (P7)
    }
    CO_TRY(co_await remove_all(std::move(chunks)));
    more = page.more && !page.objects.empty() && page.objects.back().key < bound;
    if (more) after = page.objects.back().key;
  }
  co_return Status();
}

Task<Status> ObjectReplica::remove_all(std::vector<std::string> keys) {
  for (size_t at = 0; at < keys.size(); at += options_.removes_max) {
    const size_t end = std::min<size_t>(keys.size(), at + options_.removes_max);
    CO_TRY(co_await store_.remove_all(
        {keys.begin() + static_cast<ptrdiff_t>(at), keys.begin() + static_cast<ptrdiff_t>(end)}));
  }
  co_return Status();
}

}  // namespace thalweg::chunk
