#include "streamcore/chunk/seal_file.h"

#include <algorithm>
#include <map>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/chunk/seal_file_format.h"

namespace thalweg::chunk {

using base::Buffer;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using base::Task;

namespace {
constexpr uint64_t kExtendBytes = 64 << 10;
// Recovery needs room for SEALs on a full disk too.
constexpr base::OpenOptions kOpenOptions{.lane = base::IoLane::kLog,
                                         .purpose = base::Purpose::kUpkeep};
}  // namespace

Task<Result<std::vector<ChunkHeader>>> SealFile::load() {
  Result<std::unique_ptr<base::File>> opened = co_await files_.open(path(), kOpenOptions);
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
    co_return std::vector<ChunkHeader>();
  }
  file_ = CO_TRY(std::move(opened));
  allocated_ = CO_TRY(file_->size());
  const Buffer content = Buffer::allocate(allocated_);
  const size_t got = CO_TRY(co_await file_->read_at({content.data(), allocated_}, 0));
  Result<std::vector<ChunkHeader>> seals =
      decode_seal_file({content.data(), got}, incarnation_, channel_);
  if (!seals) co_return fail(seals.error().code, path() + ": " + seals.error().message);
  end_ = seals->size() * kSealRecordBytes;
  co_return seals;
}

Task<Status> SealFile::renew() {
  if (end_ == 0) co_return Status();
  const Buffer content = Buffer::allocate(end_);
  const size_t got = CO_TRY(co_await file_->read_at({content.data(), end_}, 0));
  const std::vector<ChunkHeader> seals =
      CO_TRY(decode_seal_file({content.data(), got}, incarnation_, channel_));
  // A sync that failed in an earlier process may have lost what can still be read; the same bytes
  // once more, synced, leave no doubt.
  std::vector<base::ByteView> parts{{content.data(), got}};
  CO_TRY(co_await file_->write_at(std::move(parts), 0, true));
  if (seals.size() < kSealsKept) co_return Status();
  // Only tidiness: on a full disk the start goes on with the file as it is.
  const Result<uint64_t> end = co_await write_shorter(seals);
  if (!end) base::log_warn(path() + " is not rewritten: " + end.error().message);
  if (end && *end != 0) CO_TRY(co_await install_shorter(*end));
  co_return Status();
}

Task<Result<uint64_t>> SealFile::write_shorter(std::vector<ChunkHeader> seals) {
  std::map<ChannelEpoch, ChunkHeader> ends;
  for (const ChunkHeader& seal : seals) {
    const auto [at, is_new] = ends.try_emplace(seal.epoch, seal);
    if (seal.seq < at->second.seq) at->second = seal;
  }
  if (ends.size() > seals.size() / 2) co_return uint64_t{0};
  const auto file =
      CO_TRY(co_await files_.open(new_path(), {.create = true, .purpose = base::Purpose::kUpkeep}));
  CO_TRY(co_await file->truncate(0));
  CO_TRY(co_await file->allocate(ends.size() * kSealRecordBytes + kExtendBytes));
  uint64_t end = 0;
  for (const auto& [epoch, seal] : ends) {
    const Buffer record = encode_seal_record({.incarnation = incarnation_,
                                              .channel = channel_,
                                              .epoch = epoch,
                                              .seq = seal.seq,
                                              .nonce = seal.nonce});
    std::vector<base::ByteView> parts{{record.data(), kSealRecordBytes}};
    CO_TRY(co_await file->write_at(std::move(parts), end, false));
    end += kSealRecordBytes;
  }
  CO_TRY(co_await file->sync());
  co_return end;
}

// An error here is fatal: which of the two files has the name is not known.
Task<Status> SealFile::install_shorter(uint64_t end) {
  CO_TRY(co_await files_.rename(new_path(), path()));
  CO_TRY(co_await files_.sync_directory(directory_));
  file_ = CO_TRY(co_await files_.open(path(), kOpenOptions));
  end_ = end;
  allocated_ = CO_TRY(file_->size());
  co_return Status();
}

Task<Status> SealFile::prepare() {
  if (file_ == nullptr) {
    base::OpenOptions created = kOpenOptions;
    created.create = true;
    auto file = CO_TRY(co_await files_.open(path(), created));
    CO_TRY(co_await files_.sync_directory(directory_));
    file_ = std::move(file);
  }
  if (end_ + kExtendBytes / 2 <= allocated_) co_return Status();
  co_return co_await extend();
}

Task<Status> SealFile::extend() {
  CO_TRY(co_await file_->allocate(end_ + kExtendBytes));
  CO_TRY(co_await file_->sync());
  allocated_ = end_ + kExtendBytes;
  co_return Status();
}

Task<Status> SealFile::append(ChunkIds ids) {
  const Buffer record = encode_seal_record(ids);
  std::vector<base::ByteView> parts{{record.data(), kSealRecordBytes}};
  CO_TRY(co_await file_->write_at(std::move(parts), end_, true));
  end_ += kSealRecordBytes;
  co_return Status();
}

Task<Status> SealFile::sync() {
  if (file_ == nullptr) co_return Status();
  co_return co_await file_->sync();
}

}  // namespace thalweg::chunk
