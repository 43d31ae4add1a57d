#include "streamcore/chunk/log_file.h"

#include <algorithm>
#include <cstring>

#include "streamcore/base/check.h"

namespace thalweg::chunk {

using base::Buffer;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Slice;
using base::Status;
using base::Task;

namespace {
constexpr uint64_t kBlock = kChunkAlignment;
constexpr uint64_t kSearchBytes = 1 << 20;    // read at once where headers do not follow each other
constexpr uint64_t kPrewriteBytes = 1 << 20;  // written at once
}  // namespace

std::string LogFile::path() const { return directory_ + "/" + encode_log_file_name(name_); }

uint64_t LogFile::take(uint64_t length) {
  CHECK_LE(length, room());
  const uint64_t position = used_;
  used_ += length;
  return position;
}

Task<Result<std::shared_ptr<LogFile>>> LogFile::create(base::FileSystem& files,
                                                       std::string directory, LogFileName name,
                                                       uint64_t size, bool prewrite) {
  std::shared_ptr<LogFile> file(new LogFile(files, std::move(directory), name));
  const std::string unprepared = file->path() + std::string(kUnpreparedSuffix);
  file->bulk_ = CO_TRY(co_await files.open(
      unprepared,
      {.create = true, .exclusive = true, .direct = true, .lane = base::IoLane::kBulk}));
  Status status = co_await file->prepare(size, prewrite);
  if (!status) {
    (void)co_await files.remove(unprepared);
    co_return std::unexpected(std::move(status).error());
  }
  // Under its own name it is one that can be believed: every sync of its making succeeded.
  CO_TRY(co_await files.rename(unprepared, file->path()));
  CO_TRY(co_await files.sync_directory(file->directory_));
  CO_TRY(co_await file->open_log_handle());
  co_return file;
}

Task<Status> LogFile::prepare(uint64_t size, bool prewrite) {
  CO_TRY(co_await bulk_->allocate(size));
  size_ = size;
  if (prewrite) CO_TRY(co_await write_zeros());
  co_return co_await bulk_->sync();
}

Task<Result<std::shared_ptr<LogFile>>> LogFile::open(base::FileSystem& files, std::string directory,
                                                     LogFileName name) {
  std::shared_ptr<LogFile> file(new LogFile(files, std::move(directory), name));
  file->bulk_ =
      CO_TRY(co_await files.open(file->path(), {.direct = true, .lane = base::IoLane::kBulk}));
  file->size_ = CO_TRY(file->bulk_->size());
  file->used_ = file->size_;  // never appended to: what lies behind its chunks is in doubt
  co_return file;
}

Task<Result<LogFileScan>> LogFile::scan(LogIdentity identity) {
  LogFileScan scan;
  const Buffer buffer = Buffer::allocate(std::min(kSearchBytes, size_));
  uint64_t position = 0;
  uint64_t damaged_from = 0;  // valid while searching
  bool searching = false;
  std::string found;
  while (position + kBlock <= size_) {
    const uint64_t wanted = searching ? std::min(kSearchBytes, size_ - position) : kBlock;
    const size_t got = CO_TRY(co_await bulk_->read_at({buffer.data(), wanted}, position));
    if (got < kBlock) break;
    uint64_t next = position + got / kBlock * kBlock;
    for (uint64_t at = 0; at + kBlock <= got; at += kBlock) {
      const auto header = decode_live_header({buffer.data() + at, kBlock}, identity);
      if (header && header->total_length <= size_ - position - at) {
        if (searching) scan.damaged.push_back({path(), damaged_from, position + at, found});
        searching = false;
        scan.chunks.push_back({*header, position + at});
        next = position + at + header->total_length;
        break;
      }
      // Written by a newer version: nothing here may be used, moved or written over.
      if (!header && header.error().code == ErrorCode::kUnsupported) {
        co_return fail(ErrorCode::kUnsupported, path() + " at " + std::to_string(position + at) +
                                                    ": " + header.error().message);
      }
      if (!searching) {
        searching = true;
        damaged_from = position + at;
        found = header ? "a chunk longer than the file" : header.error().message;
      }
    }
    position = next;
  }
  co_return scan;
}

Task<Status> LogFile::write_zeros() {
  const uint64_t piece = std::min(kPrewriteBytes, size_);
  const Buffer zeros = Buffer::allocate(piece);
  std::memset(zeros.data(), 0, piece);
  for (uint64_t position = 0; position < size_; position += piece) {
    const uint64_t length = std::min(piece, size_ - position);
    std::vector<base::ByteView> parts{{zeros.data(), length}};
    CO_TRY(co_await bulk_->write_at(std::move(parts), position, false));
  }
  co_return Status();
}

Task<Status> LogFile::reuse(LogFileName name) {
  CHECK_EQ(live_chunks, 0u);
  CHECK_EQ(pins, 0u);
  const std::string before = path();
  const std::string after = directory_ + "/" + encode_log_file_name(name);
  CO_TRY(co_await files_.rename(before, after));
  name_ = name;
  CO_TRY(co_await files_.sync_directory(directory_));
  CO_TRY(co_await open_log_handle());
  used_ = 0;
  co_return Status();
}

Task<Status> LogFile::remove() { co_return co_await files_.remove(path()); }

Task<Status> LogFile::open_log_handle() {
  if (log_ == nullptr) {
    log_ = CO_TRY(co_await files_.open(path(), {.direct = true, .lane = base::IoLane::kLog}));
  }
  co_return Status();
}

Task<Status> LogFile::write(Slice chunk, uint64_t position) {
  if (log_ == nullptr) CO_TRY(co_await open_log_handle());
  std::vector<base::ByteView> parts{chunk.bytes};
  co_return co_await log_->write_at(std::move(parts), position, true);
}

Task<Result<Slice>> LogFile::read(uint64_t position, uint64_t length) {
  const uint64_t begin = position / kBlock * kBlock;
  const uint64_t end = base::align_up(position + length, kBlock);
  const Buffer buffer = Buffer::allocate(end - begin);
  const size_t got = CO_TRY(co_await bulk_->read_at({buffer.data(), end - begin}, begin));
  if (got < position - begin + length) {
    co_return fail(ErrorCode::kCorrupt, path() + " ends at " + std::to_string(begin + got) +
                                            ", expected " + std::to_string(position + length));
  }
  co_return Slice{buffer, base::ByteView(buffer.data() + (position - begin), length)};
}

Task<Status> LogFile::sync() { co_return co_await bulk_->sync(); }

}  // namespace thalweg::chunk
