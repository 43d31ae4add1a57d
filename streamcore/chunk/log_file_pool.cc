#include "streamcore/chunk/log_file_pool.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::chunk {

using base::Result;
using base::Status;
using base::Task;

LogFilePool::LogFilePool(base::FileSystem& files, base::Executor& executor,
                         const LocalReplicaOptions& options, std::string directory)
    : files_(files),
      options_(options),
      directory_(std::move(directory)),
      prepare_turn_(executor, 1),
      background_(executor) {
  CHECK_EQ(options.file_bytes % kChunkAlignment, 0u);
  CHECK_EQ(options.usual_chunk_bytes % kChunkAlignment, 0u);
  CHECK_GE(options.file_bytes / 2, options.usual_chunk_bytes);
}

void LogFilePool::note_number(uint64_t number) {
  next_number_ = std::max(next_number_, number + 1);
}

// However usual chunks fall, a file is only left when less than one more would have fitted. Longer
// ones may leave any file behind them, so all together must fit one.
uint64_t LogFilePool::ready_bytes(uint64_t longest) const {
  uint64_t bytes = 0;
  if (longest > options_.usual_chunk_bytes) {
    for (const FilePtr& file : ready_) bytes = std::max(bytes, file->room());
    return bytes;
  }
  for (const FilePtr& file : ready_) {
    bytes += file->room() - std::min(file->room(), options_.usual_chunk_bytes);
  }
  return bytes;
}

LogFilePool::FilePtr LogFilePool::file_with_room(uint64_t length) const {
  const auto found = std::ranges::find_if(
      ready_, [length](const FilePtr& file) { return file->room() >= length; });
  return found == ready_.end() ? nullptr : *found;
}

Task<Status> LogFilePool::make_ready(uint64_t bytes) {
  bytes = base::align_up(bytes, kChunkAlignment);
  (void)co_await prepare_turn_.acquire(1);
  const Status status = co_await make_ready_alone(bytes);
  prepare_turn_.release(1);
  co_return status;
}

Task<Status> LogFilePool::make_ready_alone(uint64_t bytes) {
  while (ready_bytes(0) < bytes || ready_bytes(bytes) < bytes) {
    const uint64_t needed = bytes + options_.usual_chunk_bytes;
    CO_TRY(co_await prepare_file(std::max(needed, options_.file_bytes), false));
  }
  co_return Status();
}

Task<Status> LogFilePool::prepare_file(uint64_t size, bool prewrite) {
  const LogFileName name{.number = next_number_++, .floor = floor_};
  FilePtr file = size == options_.file_bytes ? take_spare() : nullptr;
  if (file != nullptr) {
    CO_TRY(co_await file->reuse(name));
  } else {
    file = CO_TRY(co_await LogFile::create(files_, directory_, name, size, prewrite));
  }
  file->appendable = true;
  ready_.push_back(std::move(file));
  co_return Status();
}

LogFilePool::FilePtr LogFilePool::take_spare() {
  const auto found = std::ranges::find_if(spare_, [this](const FilePtr& file) {
    return file->pins == 0 && file->size() == options_.file_bytes;
  });
  if (found == spare_.end()) return nullptr;
  FilePtr file = *found;
  spare_.erase(found);
  return file;
}

LogFilePool::Place LogFilePool::take_room(uint64_t length) {
  const FilePtr file = file_with_room(length);
  if (file == nullptr) return {};
  const uint64_t position = file->take(length);
  ++file->live_chunks;
  // Files in front that had no room for a usual chunk are full; a larger chunk says nothing about
  // them.
  while (length <= options_.usual_chunk_bytes && ready_.front() != file) {
    const FilePtr full = std::move(ready_.front());
    ready_.pop_front();
    full->appendable = false;
    retire_if_empty(full);
  }
  if (position == 0) prepare_ahead();
  return {file, position};
}

void LogFilePool::retire_if_empty(const FilePtr& file) {
  if (file->live_chunks == 0 && !file->appendable) spare_.push_back(file);
}

Task<Status> LogFilePool::trim_spares() {
  size_t kept = 0;
  for (size_t i = 0; i < spare_.size();) {
    const bool keep = spare_[i]->size() == options_.file_bytes && kept < options_.spare_files_max;
    if (keep || spare_[i]->pins != 0) {
      ++kept;
      ++i;
      continue;
    }
    const FilePtr file = spare_[i];
    spare_.erase(spare_.begin() + static_cast<ptrdiff_t>(i));
    CO_TRY(co_await file->remove());
    i = 0;  // others may have taken files meanwhile
    kept = 0;
  }
  co_return Status();
}

void LogFilePool::prepare_ahead() {
  const auto unused = static_cast<size_t>(std::ranges::count_if(
      ready_, [this](const FilePtr& file) { return file->room() == options_.file_bytes; }));
  if (unused >= options_.ready_files_ahead || preparing_ahead_ || background_.stopping()) return;
  preparing_ahead_ = true;
  background_.spawn(prepare_in_background());
}

Task<void> LogFilePool::prepare_in_background() {
  (void)co_await prepare_turn_.acquire(1);
  const Status status = co_await prepare_file(options_.file_bytes, options_.prewrite);
  prepare_turn_.release(1);
  preparing_ahead_ = false;
  // Not an error yet: make_ready() is who must have it.
  if (!status) base::log_warn("no log file prepared ahead: " + status.error().message);
}

}  // namespace thalweg::chunk
