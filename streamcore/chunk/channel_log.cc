#include "streamcore/chunk/channel_log.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/base/task_group.h"

namespace thalweg::chunk {

using base::Error;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

ChannelLog::ChannelLog(base::FileSystem& files, base::Executor& executor,
                       const LocalReplicaOptions& options, ReplicaHealth& health,
                       uint64_t incarnation, ChannelId channel)
    : files_(files),
      executor_(executor),
      options_(options),
      health_(health),
      incarnation_(incarnation),
      channel_(channel),
      directory_("log/" + encode_channel_name(channel)),
      seal_file_(files, directory_, incarnation, channel),
      write_turn_(executor, 1),
      pool_(files, executor, options, directory_) {}

Task<Status> ChannelLog::load() {
  for (const ChunkHeader& seal : CO_TRY(co_await seal_file_.load())) {
    epochs_[seal.epoch].seals.emplace(seal.seq, seal.nonce);
  }
  CO_TRY(co_await load_files());
  CO_TRY(co_await seal_file_.renew());
  co_return co_await pool_.trim_spares();
}

Task<Status> ChannelLog::load_files() {
  base::Semaphore turns(executor_, options_.scans_max);
  Status outcome;
  base::TaskGroup scans(executor_);
  const std::vector<std::string> names = CO_TRY(co_await files_.list(directory_));
  for (const std::string& text : names) {
    const auto name = decode_log_file_name(text);
    if (!name) continue;
    pool_.note_number(name->number);
    scans.spawn(load_file(*name, turns, outcome));
  }
  co_await scans.stop_and_join();
  CO_TRY(std::move(outcome));
  for (const std::string& text : names) {
    if (!text.ends_with(kUnpreparedSuffix)) continue;
    CO_TRY(co_await files_.remove(directory_ + "/" + text));
  }
  co_return Status();
}

Task<void> ChannelLog::load_file(LogFileName name, base::Semaphore& turns, Status& outcome) {
  (void)co_await turns.acquire(1);
  Result<FilePtr> file = co_await LogFile::open(files_, directory_, name);
  if (file) {
    const Result<LogFileScan> scan = co_await (*file)->scan(
        {.incarnation = incarnation_, .channel = channel_, .floor = name.floor});
    if (scan) add_found(*file, *scan);
    if (!scan) outcome = std::unexpected(scan.error());
  } else {
    outcome = std::unexpected(file.error());
  }
  turns.release(1);
}

void ChannelLog::add_found(const FilePtr& file, const LogFileScan& scan) {
  for (const FoundChunk& found : scan.chunks) {
    const ChunkKey key = key_of(found.header);
    EpochLog& epoch = epochs_[key.epoch];
    epoch.max_dw = std::max(epoch.max_dw, found.header.dw);
    if (epoch.seals.contains(key.seq)) continue;  // a tear that a recovery put its SEAL on
    const bool is_new =
        epoch.chunks.try_emplace(key.seq, Location{found.header, file, found.position}).second;
    if (is_new) ++file->live_chunks;
  }
  for (const DamagedRange& range : scan.damaged) {
    base::log_warn("log file " + range.file + " has bytes " + std::to_string(range.begin) + ".." +
                   std::to_string(range.end) + " that are no chunk: " + range.found);
    damaged_.push_back(range);
  }
  pool_.retire_if_empty(file);
}

const ChannelLog::Location* ChannelLog::find(ChunkKey key) const {
  const auto epoch = epochs_.find(key.epoch);
  if (epoch == epochs_.end()) return nullptr;
  const auto found = epoch->second.chunks.find(key.seq);
  return found == epoch->second.chunks.end() ? nullptr : &found->second;
}

bool ChannelLog::is_sealed(ChunkKey key) const {
  const auto epoch = epochs_.find(key.epoch);
  return epoch != epochs_.end() && epoch->second.seals.contains(key.seq);
}

ChunkIds ChannelLog::seal_ids(ChunkKey key, uint64_t nonce) const {
  return {.incarnation = incarnation_,
          .channel = channel_,
          .epoch = key.epoch,
          .seq = key.seq,
          .nonce = nonce};
}

Error ChannelLog::absence(ChunkKey key) const {
  Error error{ErrorCode::kNotFound, to_string(key) + " is empty"};
  const auto epoch = epochs_.find(key.epoch);
  if (epoch == epochs_.end() || epoch->second.max_dw <= key.seq) return error;
  if (ChunkPosition{key.epoch, key.seq} < floor_) return error;
  error.code = ErrorCode::kCorrupt;
  error.message = to_string(key) + " is missing from " + directory_ + " below the watermark " +
                  std::to_string(epoch->second.max_dw.value);
  for (const DamagedRange& range : damaged_) {
    error.message += "; " + range.file + " at " + std::to_string(range.begin) +
                     " expected a chunk, got: " + range.found;
  }
  return error;
}

std::string ChannelLog::where(const Location& location) const {
  return location.file->path() + " at " + std::to_string(location.position);
}

Task<Result<PutOutcome>> ChannelLog::put_if_absent(ChunkKey key, Slice chunk) {
  const Result<ChunkHeader> header = decode_header(chunk.bytes);
  CHECK(header && header->kind == ChunkKind::kChunk && key_of(*header) == key);
  CHECK_EQ(header->incarnation, incarnation_);
  CHECK_EQ(header->total_length, chunk.bytes.size());
  if (health_.dead()) co_return std::unexpected(health_.error());
  // The place is taken before anything is waited for, so that places follow the order of the calls.
  LogFilePool::Place place = pool_.take_room(header->total_length);
  if (place.file == nullptr) {
    CO_TRY(co_await make_ready(header->total_length));
    place = pool_.take_room(header->total_length);
    if (place.file == nullptr)
      co_return fail(ErrorCode::kNoSpace, "the room went to another chunk");
  }
  (void)co_await write_turn_.acquire(1);
  Result<PutOutcome> outcome = co_await put_alone(key, std::move(chunk), place);
  write_turn_.release(1);
  if (!outcome || *outcome == PutOutcome::kExists) --place.file->live_chunks;
  co_return outcome;
}

Task<Result<PutOutcome>> ChannelLog::put_alone(ChunkKey key, Slice chunk,
                                               LogFilePool::Place place) {
  if (health_.dead()) co_return std::unexpected(health_.error());
  if (is_sealed(key)) co_return PutOutcome::kExists;
  if (find(key) != nullptr && CO_TRY(co_await has_whole_chunk(key))) {
    co_return PutOutcome::kExists;
  }
  const Status written = co_await place.file->write(chunk, place.position);
  if (!written) co_return std::unexpected(die(written.error()));
  const ChunkHeader header = *decode_header(chunk.bytes);
  EpochLog& epoch = epochs_[key.epoch];
  epoch.max_dw = std::max(epoch.max_dw, header.dw);
  epoch.chunks.emplace(key.seq, Location{header, place.file, place.position, true});
  co_return PutOutcome::kCreated;
}

Result<ChunkHeader> ChannelLog::head(ChunkKey key) const {
  if (is_sealed(key)) {
    const base::Buffer seal = encode_seal(seal_ids(key, epochs_.at(key.epoch).seals.at(key.seq)));
    return decode_header({seal.data(), kChunkHeaderBytes});
  }
  const Location* const location = find(key);
  if (location != nullptr) return location->header;
  return std::unexpected(absence(key));
}

Task<Result<Slice>> ChannelLog::read_range(ChunkKey key, uint64_t position, uint64_t length) {
  const ChunkHeader header = CO_TRY(head(key));
  if (position > header.total_length || length > header.total_length - position) {
    co_return fail(ErrorCode::kOutOfRange, "beyond the end of " + to_string(key));
  }
  if (header.kind == ChunkKind::kSeal) {
    const base::Buffer seal = encode_seal(seal_ids(key, header.nonce));
    co_return Slice{seal, base::ByteView(seal.data() + position, length)};
  }
  const Location& location = *find(key);
  const uint64_t begin = location.position + position;
  const LogFilePin pin(location.file);  // `location` may go while the file is read
  co_return co_await pin->read(begin, length);
}

Task<Result<bool>> ChannelLog::has_whole_chunk(ChunkKey key) {
  const Location* const found = find(key);
  if (found == nullptr) {
    Error error = absence(key);
    if (error.code == ErrorCode::kCorrupt) co_return std::unexpected(std::move(error));
    co_return false;
  }
  if (found->whole) co_return true;
  const Location location = *found;
  const LogFilePin pin(location.file);
  Slice bytes = CO_TRY(co_await pin->read(location.position, location.header.total_length));
  const Result<ChunkView> view = ChunkView::open(bytes);
  if (view && view->header() == location.header) {
    // It was never acknowledged, so its sync may have failed, and what was lost then may still be
    // there to read. The same bytes are written again: a later sync alone would prove nothing.
    const Status written = co_await pin->write(bytes, location.position);
    if (!written) co_return std::unexpected(die(written.error()));
    mark_whole(key);
    co_return true;
  }
  EpochLog& epoch = epochs_[key.epoch];
  const std::string got = view ? describe(view->header()) : view.error().message;
  if (epoch.max_dw > key.seq) {
    co_return fail(ErrorCode::kCorrupt, where(location) + " expected the whole of " +
                                            to_string(key) + ", durable below " +
                                            std::to_string(epoch.max_dw.value) + ", got: " + got);
  }
  base::log_info("torn chunk dropped, " + where(location) + ": " + got);
  forget_chunk(key);
  co_return false;
}

void ChannelLog::mark_whole(ChunkKey key) {
  EpochLog& epoch = epochs_[key.epoch];
  const auto found = epoch.chunks.find(key.seq);
  if (found != epoch.chunks.end()) found->second.whole = true;
}

void ChannelLog::forget_chunk(ChunkKey key) {
  EpochLog& epoch = epochs_[key.epoch];
  const auto found = epoch.chunks.find(key.seq);
  if (found == epoch.chunks.end()) return;
  const FilePtr file = found->second.file;
  epoch.chunks.erase(found);
  --file->live_chunks;
  pool_.retire_if_empty(file);
}

Task<Result<PutOutcome>> ChannelLog::seal(ChunkKey key, uint64_t sealer_nonce) {
  (void)co_await write_turn_.acquire(1);
  Result<PutOutcome> outcome = co_await seal_alone(key, sealer_nonce);
  write_turn_.release(1);
  co_return outcome;
}

Task<Result<PutOutcome>> ChannelLog::seal_alone(ChunkKey key, uint64_t sealer_nonce) {
  if (health_.dead()) co_return std::unexpected(health_.error());
  if (is_sealed(key)) co_return PutOutcome::kExists;
  if (CO_TRY(co_await has_whole_chunk(key))) co_return PutOutcome::kExists;
  if (!seal_file_.exists()) CO_TRY(co_await prepare_directory());
  const Status written = co_await seal_file_.append(seal_ids(key, sealer_nonce));
  // A full disk leaves the next record where it was; anything else is a disk that cannot be
  // believed.
  if (!written && written.error().code == ErrorCode::kNoSpace)
    co_return std::unexpected(written.error());
  if (!written) co_return std::unexpected(die(written.error()));
  epochs_[key.epoch].seals.emplace(key.seq, sealer_nonce);
  co_return PutOutcome::kCreated;
}

std::vector<ChunkKey> ChannelLog::list(ChannelEpoch epoch) const {
  std::vector<ChunkKey> keys;
  const auto found = epochs_.find(epoch);
  if (found == epochs_.end()) return keys;
  for (const auto& [seq, location] : found->second.chunks) keys.push_back({channel_, epoch, seq});
  for (const auto& [seq, nonce] : found->second.seals) keys.push_back({channel_, epoch, seq});
  std::ranges::sort(keys);
  return keys;
}

Task<Status> ChannelLog::make_durable() {
  if (health_.dead()) co_return std::unexpected(health_.error());
  const Status status = co_await sync_everything();
  if (!status) co_return std::unexpected(die(status.error()));
  co_return status;
}

Task<Status> ChannelLog::sync_everything() {
  std::map<uint64_t, FilePtr> log_files;  // by number: one order, whatever the addresses
  for (const auto& [number, epoch] : epochs_) {
    for (const auto& [seq, location] : epoch.chunks)
      log_files.emplace(location.file->name().number, location.file);
  }
  if (log_files.empty() && epochs_.empty()) co_return Status();
  for (const auto& [number, file] : log_files) {
    const LogFilePin pin(file);
    CO_TRY(co_await pin->sync());
  }
  CO_TRY(co_await seal_file_.sync());
  CO_TRY(co_await files_.sync_directory(directory_));
  co_return co_await files_.sync_directory("log");
}

Task<Status> ChannelLog::remove_below(ChunkPosition floor) {
  floor_ = std::max(floor_, floor);
  pool_.set_floor(floor_);
  for (auto at = epochs_.begin(); at != epochs_.end() && at->first <= floor_.epoch;) {
    auto& [number, epoch] = *at;
    auto& chunks = epoch.chunks;
    while (!chunks.empty() && ChunkPosition{number, chunks.begin()->first} < floor_) {
      forget_chunk({channel_, number, chunks.begin()->first});
    }
    const bool over = number < floor_.epoch && epoch.seals.empty();
    at = over ? epochs_.erase(at) : std::next(at);
  }
  co_return co_await pool_.trim_spares();
}

Task<Status> ChannelLog::make_ready(uint64_t bytes) {
  if (health_.dead()) co_return std::unexpected(health_.error());
  if (!directory_ready_) {
    (void)co_await write_turn_.acquire(1);
    const Status status = co_await prepare_directory();
    write_turn_.release(1);
    if (!status) co_return status;
  }
  co_return co_await pool_.make_ready(bytes);
}

// Room for SEALs comes before the first chunk, so that whatever is appended can be recovered on a
// full disk.
Task<Status> ChannelLog::prepare_directory() {
  if (directory_ready_) co_return Status();
  CO_TRY(co_await files_.make_directories(directory_));
  CO_TRY(co_await seal_file_.prepare());
  directory_ready_ = true;
  co_return Status();
}

std::vector<ChannelEpoch> ChannelLog::epochs() const {
  std::vector<ChannelEpoch> numbers;
  for (const auto& [number, epoch] : epochs_) numbers.push_back(number);
  return numbers;
}

Error ChannelLog::die(const Error& error) {
  if (!health_.dead()) {
    health_.death =
        "the local log is dead after a failed write, " + directory_ + ": " + error.message;
    base::log_error(health_.death);
  }
  return health_.error();
}

}  // namespace thalweg::chunk
