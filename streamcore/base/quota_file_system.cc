#include "streamcore/base/quota_file_system.h"

#include <algorithm>
#include <utility>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"

namespace thalweg::base {

// Keeps a node remembered; the last use of a file without a name gives its space back.
class QuotaFileSystem::Use {
 public:
  Use(QuotaFileSystem& quota, std::shared_ptr<Node> node) : quota_(&quota), node_(std::move(node)) {
    ++node_->users;
  }
  Use(Use&& other) noexcept : quota_(other.quota_), node_(std::move(other.node_)) {}
  Use& operator=(Use&&) = delete;
  ~Use() {
    if (node_ == nullptr) return;
    --node_->users;
    quota_->end_use(*node_);
  }
  Node* operator->() const { return node_.get(); }
  Node& operator*() const { return *node_; }
  const std::shared_ptr<Node>& shared() const { return node_; }

 private:
  QuotaFileSystem* quota_;
  std::shared_ptr<Node> node_;
};

namespace {
// Gives a turn back.
class Releasing {
 public:
  explicit Releasing(Semaphore& turn) : turn_(turn) {}
  Releasing(const Releasing&) = delete;
  Releasing& operator=(const Releasing&) = delete;
  ~Releasing() { turn_.release(1); }

 private:
  Semaphore& turn_;
};
}  // namespace

class QuotaFileSystem::QuotaFile final : public File {
 public:
  QuotaFile(QuotaFileSystem& quota, std::unique_ptr<File> file, Use node, Purpose purpose)
      : quota_(quota), file_(std::move(file)), node_(std::move(node)), purpose_(purpose) {}

  Task<Result<size_t>> read_at(MutableByteView into, uint64_t offset) override {
    return file_->read_at(into, offset);
  }
  Task<Status> write_at(Parts parts, uint64_t offset, bool sync) override {
    const uint64_t end = offset + parts.size();
    if (end > offset && end > node_->size) {
      CO_TRY(co_await quota_.make_room(node_.shared(), end, purpose_));
    }
    ++node_->growing;
    Status written;
    if (purpose_ == Purpose::kData) {
      written = co_await file_->write_at(std::move(parts), offset, sync);
    } else {
      written = co_await file_->write_at(parts, offset, sync);
      if (!written && co_await quota_.release_reserve(written.error(), purpose_)) {
        written = co_await file_->write_at(std::move(parts), offset, sync);
      }
    }
    --node_->growing;
    co_return settled(written);
  }
  Task<Status> sync() override { return file_->sync(); }
  Task<Status> allocate(uint64_t size) override {
    CO_TRY(co_await quota_.make_room(node_.shared(), size, purpose_));
    ++node_->growing;
    Status allocated = co_await file_->allocate(size);
    if (!allocated && co_await quota_.release_reserve(allocated.error(), purpose_)) {
      allocated = co_await file_->allocate(size);
    }
    --node_->growing;
    co_return settled(allocated);
  }
  Task<Status> truncate(uint64_t size) override {
    CO_TRY(co_await quota_.make_room(node_.shared(), size, purpose_));
    ++node_->growing;
    const Status done = co_await file_->truncate(size);
    --node_->growing;
    if (done && node_->growing == 0) quota_.give_back(*node_, size);
    co_return settled(done);
  }
  Result<uint64_t> size() override { return file_->size(); }

 private:
  // After a failure the file is as long as it says, once nothing else is changing it.
  Status settled(Status status) {
    if (status || node_->growing != 0) return status;
    const Result<uint64_t> size = file_->size();
    if (size) quota_.give_back(*node_, *size);
    return status;
  }

  QuotaFileSystem& quota_;
  std::unique_ptr<File> file_;
  Use node_;
  const Purpose purpose_;
};

Task<Status> QuotaFileSystem::make_room(std::shared_ptr<Node> node, uint64_t size,
                                        Purpose purpose) {
  if (size <= node->size) co_return Status();
  const bool data = purpose == Purpose::kData;
  if (data && reserve_ > 0 && !reserve_whole_) CO_TRY(co_await restore_reserve());
  if (size <= node->size) co_return Status();
  const uint64_t growth = size - node->size;
  const uint64_t limit = data || limit_ > UINT64_MAX - reserve_ ? limit_ : limit_ + reserve_;
  if (used_ > limit || growth > limit - used_) {
    co_return fail(ErrorCode::kNoSpace, name_ + ": " + std::to_string(growth) +
                                            " more bytes over " + std::to_string(used_) + " of " +
                                            std::to_string(limit_));
  }
  used_ += growth;
  node->size = size;
  co_return Status();
}

Task<Status> QuotaFileSystem::keep_reserve(Executor& executor, std::string path, uint64_t bytes) {
  reserve_ = bytes;
  reserve_path_ = std::move(path);
  reserve_turn_.emplace(executor, 1);
  const Status made = co_await restore_reserve();
  if (made || made.error().code != ErrorCode::kNoSpace) co_return made;
  log_warn("no space for " + reserve_path_ +
           ", which keeps some for metadata: " + made.error().message);
  co_return Status();
}

Task<Status> QuotaFileSystem::restore_reserve() {
  co_await reserve_turn_->acquire(1);
  const Releasing turn(*reserve_turn_);
  if (reserve_whole_) co_return Status();
  if (reserve_file_ == nullptr) {
    reserve_file_ = CO_TRY(co_await files_.open(reserve_path_, {.create = true}));
  }
  const uint64_t size = CO_TRY(reserve_file_->size());
  const uint64_t free = CO_TRY(files_.free_bytes());
  if (size < reserve_ && free < reserve_ - size) {
    co_return fail(ErrorCode::kNoSpace, "disk: " + std::to_string(free) + " bytes free, and " +
                                            std::to_string(reserve_) + " are kept for metadata");
  }
  Status made = co_await reserve_file_->allocate(reserve_);
  if (made) made = co_await reserve_file_->sync();
  if (made) made = co_await files_.sync_directory(".");
  reserve_whole_ = made.has_value();
  if (made) co_return made;
  (void)co_await reserve_file_->truncate(0);
  reserve_file_.reset();  // after a sync that failed, this handle's others may fail for ever
  co_return made;
}

Task<bool> QuotaFileSystem::release_reserve(const Error& error, Purpose purpose) {
  if (error.code != ErrorCode::kNoSpace || purpose == Purpose::kData || reserve_ == 0)
    co_return false;
  co_await reserve_turn_->acquire(1);
  const Releasing turn(*reserve_turn_);
  if (!reserve_whole_) co_return true;  // another call has released it meanwhile
  reserve_whole_ = false;
  log_warn("the disk is full: metadata takes the space kept for it, data must wait");
  co_return (co_await reserve_file_->truncate(0)).has_value();
}

void QuotaFileSystem::give_back(Node& node, uint64_t size) {
  if (size >= node.size) return;
  const uint64_t freed = node.size - size;
  used_ -= std::min(used_, freed);  // `used_bytes` given at the start may have been an estimate
  node.size = size;
}

std::shared_ptr<QuotaFileSystem::Node> QuotaFileSystem::node_of(const std::string& path,
                                                                uint64_t size) {
  std::shared_ptr<Node>& node = nodes_[path];
  if (node == nullptr) {
    node = std::make_shared<Node>();
    node->size = size;
    node->names.push_back(path);
  }
  return node;
}

void QuotaFileSystem::drop_name(Node& node, const std::string& path) {
  std::erase(node.names, path);
  nodes_.erase(path);
}

void QuotaFileSystem::end_use(Node& node) {
  if (node.users != 0 || node.names.size() > 1) return;
  if (node.names.empty()) {
    give_back(node, 0);
  } else {
    nodes_.erase(std::string(node.names.front()));
  }
}

Task<Result<QuotaFileSystem::Use>> QuotaFileSystem::find(std::string path) {
  const auto known = nodes_.find(path);
  if (known != nodes_.end()) co_return Use(*this, known->second);
  const auto file = CO_TRY(co_await files_.open(path, {}));
  const uint64_t size = CO_TRY(file->size());
  co_return Use(*this, node_of(path, size));
}

Task<Status> QuotaFileSystem::measure(std::vector<std::string> directories) {
  uint64_t sum = 0;
  while (!directories.empty()) {
    const std::string directory = std::move(directories.back());
    directories.pop_back();
    const auto entries = CO_TRY(co_await files_.scan(directory));
    for (const DirectoryEntry& entry : entries) {
      sum += entry.size;
      if (!entry.is_directory) continue;
      directories.push_back(directory.empty() ? entry.name : directory + "/" + entry.name);
    }
  }
  CHECK(nodes_.empty());
  used_ = sum;
  co_return Status();
}

Task<Result<std::unique_ptr<File>>> QuotaFileSystem::open(std::string path, OpenOptions options) {
  auto opened = co_await files_.open(path, options);
  if (!opened && co_await release_reserve(opened.error(), options.purpose)) {
    opened = co_await files_.open(path, options);
  }
  auto file = CO_TRY(std::move(opened));
  const uint64_t size = CO_TRY(file->size());
  co_return std::make_unique<QuotaFile>(*this, std::move(file), Use(*this, node_of(path, size)),
                                        options.purpose);
}

Task<Status> QuotaFileSystem::link(std::string from, std::string to) {
  const Use node = CO_TRY(co_await find(from));
  Status linked = co_await files_.link(from, to);
  // A directory's block is upkeep, whatever is linked.
  if (!linked && co_await release_reserve(linked.error(), Purpose::kUpkeep))
    linked = co_await files_.link(from, to);
  CO_TRY(std::move(linked));
  node->names.push_back(to);
  nodes_[to] = node.shared();
  co_return Status();
}

Task<Status> QuotaFileSystem::rename(std::string from, std::string to) {
  const Use node = CO_TRY(co_await find(from));
  const auto replaced = co_await find(to);
  if (!replaced && replaced.error().code != ErrorCode::kNotFound) {
    co_return std::unexpected(replaced.error());
  }
  CO_TRY(co_await files_.rename(from, to));
  if (replaced && replaced->shared() == node.shared())
    co_return Status();  // POSIX: nothing happens
  if (replaced) drop_name(**replaced, to);
  drop_name(*node, from);
  node->names.push_back(to);
  nodes_[to] = node.shared();
  co_return Status();
}

Task<Status> QuotaFileSystem::remove(std::string path) {
  const Use node = CO_TRY(co_await find(path));
  CO_TRY(co_await files_.remove(path));
  drop_name(*node, path);
  co_return Status();
}

Task<Result<std::vector<std::string>>> QuotaFileSystem::list(std::string directory) {
  return files_.list(std::move(directory));
}

Task<Result<std::vector<DirectoryEntry>>> QuotaFileSystem::scan(std::string directory) {
  return files_.scan(std::move(directory));
}

Task<Status> QuotaFileSystem::make_directories(std::string path) {
  Status made = co_await files_.make_directories(path);
  if (!made && co_await release_reserve(made.error(), Purpose::kUpkeep)) {
    made = co_await files_.make_directories(std::move(path));
  }
  co_return made;
}

Task<Status> QuotaFileSystem::sync_directory(std::string path) {
  return files_.sync_directory(std::move(path));
}

Result<std::unique_ptr<FileLock>> QuotaFileSystem::lock(std::string path) {
  return files_.lock(std::move(path));
}

Result<uint64_t> QuotaFileSystem::free_bytes() {
  const uint64_t of_disk = TRY(files_.free_bytes());
  return std::min(of_disk, limit_ > used_ ? limit_ - used_ : 0);
}

}  // namespace thalweg::base
