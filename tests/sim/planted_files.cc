#include "tests/sim/planted_files.h"

#include <string>
#include <utility>
#include <vector>

namespace thalweg::sim {

namespace {

using base::Result;
using base::Status;
using base::Task;

// A log file whose writes are answered before they are synced: never (no `frames`), or a little
// later.
class UnsyncedFile final : public base::File {
 public:
  UnsyncedFile(std::unique_ptr<base::File> file, base::TaskGroup* frames)
      : file_(std::move(file)), frames_(frames) {}
  Task<Result<size_t>> read_at(base::MutableByteView into, uint64_t offset) override {
    return file_->read_at(into, offset);
  }
  Task<Status> write_at(base::Parts parts, uint64_t offset, bool sync) override {
    CO_TRY(co_await file_->write_at(std::move(parts), offset, false));
    if (sync && frames_ != nullptr) frames_->spawn(sync_later(file_));
    co_return Status();
  }
  Task<Status> sync() override {
    if (frames_ != nullptr) co_return co_await file_->sync();
    co_return Status();
  }
  Task<Status> allocate(uint64_t size) override { return file_->allocate(size); }
  Task<Status> truncate(uint64_t size) override { return file_->truncate(size); }
  Result<uint64_t> size() override { return file_->size(); }

 private:
  static Task<void> sync_later(std::shared_ptr<base::File> file) { (void)co_await file->sync(); }

  std::shared_ptr<base::File> file_;  // shared with the syncs under way
  base::TaskGroup* frames_;
};

// A log file whose failed syncs count as done, or are tried until one of the same bytes succeeds.
class HopefulFile final : public base::File {
 public:
  HopefulFile(std::unique_ptr<base::File> file, bool retries)
      : file_(std::move(file)), retries_(retries) {}
  Task<Result<size_t>> read_at(base::MutableByteView into, uint64_t offset) override {
    return file_->read_at(into, offset);
  }
  Task<Status> write_at(base::Parts parts, uint64_t offset, bool synced) override {
    CO_TRY(co_await file_->write_at(std::move(parts), offset, false));
    if (synced) CO_TRY(co_await sync());
    co_return Status();
  }
  Task<Status> sync() override {
    while (!co_await file_->sync() && retries_) {
    }
    co_return Status();
  }
  Task<Status> allocate(uint64_t size) override { return file_->allocate(size); }
  Task<Status> truncate(uint64_t size) override { return file_->truncate(size); }
  Result<uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<base::File> file_;
  const bool retries_;
};

class PlantedLog final : public base::FileSystem {
 public:
  PlantedLog(Plant plant, base::FileSystem& files, base::TaskGroup& frames)
      : plant_(plant), files_(files), frames_(frames) {}
  Task<Result<std::unique_ptr<base::File>>> open(std::string path,
                                                 base::OpenOptions options) override {
    const bool is_log = path.ends_with(".log");
    auto file = CO_TRY(co_await files_.open(std::move(path), options));
    if (!is_log) co_return std::move(file);
    if (plant_ == Plant::kSyncIgnored || plant_ == Plant::kSyncRetried) {
      co_return std::make_unique<HopefulFile>(std::move(file), plant_ == Plant::kSyncRetried);
    }
    co_return std::make_unique<UnsyncedFile>(std::move(file),
                                             plant_ == Plant::kAckBeforeFsync ? &frames_ : nullptr);
  }
  Task<Status> link(std::string from, std::string to) override {
    return files_.link(std::move(from), std::move(to));
  }
  Task<Status> rename(std::string from, std::string to) override {
    return files_.rename(std::move(from), std::move(to));
  }
  Task<Status> remove(std::string path) override { return files_.remove(std::move(path)); }
  Task<Result<std::vector<std::string>>> list(std::string directory) override {
    return files_.list(std::move(directory));
  }
  Task<Result<std::vector<base::DirectoryEntry>>> scan(std::string directory) override {
    return files_.scan(std::move(directory));
  }
  Task<Status> make_directories(std::string path) override {
    return files_.make_directories(std::move(path));
  }
  Task<Status> sync_directory(std::string path) override {
    return files_.sync_directory(std::move(path));
  }
  Result<std::unique_ptr<base::FileLock>> lock(std::string path) override {
    return files_.lock(std::move(path));
  }
  Result<uint64_t> free_bytes() override { return files_.free_bytes(); }

 private:
  const Plant plant_;
  base::FileSystem& files_;
  base::TaskGroup& frames_;
};

}  // namespace

std::unique_ptr<base::FileSystem> planted_files(Plant plant, base::FileSystem& files,
                                                base::TaskGroup& frames) {
  switch (plant) {
    case Plant::kNoFsync:
    case Plant::kAckBeforeFsync:
    case Plant::kSyncIgnored:
    case Plant::kSyncRetried: return std::make_unique<PlantedLog>(plant, files, frames);
    default: return nullptr;
  }
}

}  // namespace thalweg::sim
