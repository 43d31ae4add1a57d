#include "tests/sim/sim_file_system.h"

#include <algorithm>

#include "streamcore/base/check.h"

namespace thalweg::sim {

using base::ByteView;
using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using base::Task;

namespace {

constexpr ptrdiff_t kChangesKept = 200;  // of the unsynced changes of directories, the newest

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// "" and "." are the root; a trailing slash means nothing.
std::string directory_name(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path == "." ? "" : path;
}

// An operation on an inode, in flight until its coroutine goes on or is destroyed.
class InFlight {
 public:
  InFlight(std::shared_ptr<SimInode> inode, SimInode::Operation operation)
      : inode_(std::move(inode)), operation_(operation) {
    inode_->begin(operation_);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { inode_->complete(operation_); }

 private:
  std::shared_ptr<SimInode> inode_;
  SimInode::Operation operation_;
};

}  // namespace

auto SimFileSystem::pause() { return base::sleep_for(*executor_, latency()); }

class SimFile final : public base::File {
 public:
  SimFile(SimFileSystem& disk, SimFileSystem::Inode inode)
      : disk_(disk), generation_(disk.generation_), inode_(std::move(inode)) {}

  Task<Result<size_t>> read_at(base::MutableByteView into, uint64_t offset) override {
    check_process();
    co_await disk_.pause();
    if (std::exchange(disk_.fail_next_read_, false)) {
      co_return fail(ErrorCode::kUnavailable, "simulated read error");
    }
    const ByteView content = inode_->content();
    if (offset >= content.size()) co_return size_t{0};
    const size_t n = std::min<uint64_t>(into.size(), content.size() - offset);
    if (n != 0) std::memcpy(into.data(), content.data() + offset, n);
    co_return n;
  }

  Task<Status> write_at(base::Parts parts, uint64_t offset, bool sync) override {
    check_process();
    if (!parts.sound()) co_return fail(ErrorCode::kCorrupt, "simulated: bytes and CRC differ");
    std::vector<std::byte> bytes;
    for (const ByteView part : parts.views) bytes.insert(bytes.end(), part.begin(), part.end());
    const Status allowed = admit(offset + bytes.size());
    if (!allowed) {
      // The write may have gone as far as the file already reached.
      const uint64_t room = inode_->size() > offset ? inode_->size() - offset : 0;
      const uint64_t kept = std::min<uint64_t>(room, bytes.size());
      inode_->write(ByteView(bytes).first(disk_.random_.below(kept + 1)), offset);
      co_await disk_.pause();
      co_return allowed;
    }
    SimInode::SyncPoint point = inode_->sync_point();
    const SimInode::Operation operation = inode_->write(bytes, offset);
    {
      const InFlight in_flight(inode_, operation);
      co_await disk_.pause();
    }
    if (!sync) co_return Status();
    point.last = operation;
    co_return co_await sync_to(std::move(point));
  }

  Task<Status> sync() override {
    check_process();
    co_return co_await sync_to(inode_->sync_point());
  }

  Task<Status> allocate(uint64_t size) override {
    check_process();
    const Status allowed = admit(size);
    if (allowed && size > inode_->size()) inode_->resize(size);
    co_await disk_.pause();
    co_return allowed;
  }

  Task<Status> truncate(uint64_t size) override {
    check_process();
    const Status allowed = disk_.reserve(*inode_, size);
    if (allowed) inode_->resize(size);
    co_await disk_.pause();
    co_return allowed;
  }

  Result<uint64_t> size() override {
    check_process();
    return inode_->size();
  }

 private:
  void check_process() const {
    CHECK_MSG(generation_ == disk_.generation_, "a file of a process that is gone");
  }
  Status admit(uint64_t end) {
    TRY(disk_.enter_write_site("write"));
    return disk_.reserve(*inode_, std::max(end, inode_->size()));
  }
  Task<Status> sync_to(SimInode::SyncPoint point) {
    ++disk_.syncs_;
    const bool fails = std::exchange(disk_.fail_next_sync_, false);
    co_await disk_.pause();
    // A failed sync is remembered: the engine must not believe a later one either.
    if (fails || sync_failed_) {
      sync_failed_ = true;
      ++disk_.failed_syncs_;
      inode_->lose(point);
      co_return fail(ErrorCode::kUnavailable, "simulated sync error");
    }
    inode_->sync(point);
    co_await disk_.pause();
    co_return Status();
  }

  SimFileSystem& disk_;
  uint64_t generation_;
  SimFileSystem::Inode inode_;
  bool sync_failed_ = false;
};

class SimFileSystem::SimLock final : public base::FileLock {
 public:
  SimLock(std::shared_ptr<LockTable> table, std::string path)
      : table_(std::move(table)), path_(std::move(path)) {}
  ~SimLock() override { table_->held.erase(path_); }

 private:
  std::shared_ptr<LockTable> table_;
  std::string path_;
};

void SimFileSystem::attach(base::Executor& executor) {
  executor_ = &executor;
  ++generation_;
  locks_ = std::make_shared<LockTable>();
}

void SimFileSystem::heal() {
  full_ = false;
  capacity_.reset();
  fail_site_ = UINT64_MAX;
  fill_site_ = UINT64_MAX;
  fail_for_ever_ = false;
  fail_next_sync_ = false;
  fail_next_directory_sync_ = false;
  fail_next_read_ = false;
}

void SimFileSystem::crash(base::Random& random) {
  const Survival survival = draw_survival(random);
  for (const EntryChange& change : changes_) {
    const bool survives = survival == Survival::kEverything ||
                          (survival == Survival::kAnyPart && random.below(2) == 0);
    if (survives) apply(change, durable_entries_);
  }
  changes_.clear();
  entries_ = durable_entries_;
  used_ = 0;
  std::set<SimInode*> seen;
  for (const auto& [name, inode] : entries_) {
    if (seen.insert(inode.get()).second) {
      inode->crash(random);
      inode->links = 0;
      used_ += inode->size();
    }
    ++inode->links;
  }
  ++generation_;
  locks_ = std::make_shared<LockTable>();
}

void SimFileSystem::set_latency(base::Duration min, base::Duration max) {
  CHECK(min <= max);
  latency_min_ = min;
  latency_max_ = max;
}

base::Duration SimFileSystem::latency() {
  const auto spread = static_cast<uint64_t>((latency_max_ - latency_min_).count());
  const base::Duration usual = latency_min_ + base::Duration(random_.below(spread + 1));
  return random_.below(50) == 0 ? usual * 20 : usual;
}

void SimFileSystem::fail_write_site(uint64_t site, bool for_ever) {
  fail_site_ = site;
  fail_for_ever_ = for_ever;
}

Status SimFileSystem::enter_write_site(std::string_view what) {
  const uint64_t site = write_sites_++;
  if (site == fill_site_) capacity_ = used_;
  if (site == fail_site_ || (fail_for_ever_ && site > fail_site_)) {
    return fail(ErrorCode::kNoSpace, "simulated full disk at " + std::string(what));
  }
  return {};
}

Status SimFileSystem::reserve(SimInode& inode, uint64_t new_size) {
  const uint64_t old_size = inode.size();
  const uint64_t others = used_ - (inode.links != 0 ? old_size : 0);
  if (new_size > old_size && (full_ || (capacity_ && others + new_size > *capacity_))) {
    return fail(ErrorCode::kNoSpace, "simulated full disk");
  }
  if (inode.links != 0) used_ = others + new_size;
  return {};
}

std::string SimFileSystem::content(const std::string& path) const {
  const auto it = entries_.find(path);
  CHECK_MSG(it != entries_.end(), path);
  return std::string(base::as_chars(it->second->content()));
}

void SimFileSystem::flip_bit(const std::string& path, uint64_t bit) {
  const auto it = entries_.find(path);
  CHECK_MSG(it != entries_.end(), path);
  it->second->flip_bit(bit);
}

Status SimFileSystem::check_parent(const std::string& path) const {
  if (path.empty() || path.front() == '/' || path.back() == '/' ||
      ("/" + path + "/").find("/../") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "bad path: " + path);
  }
  const std::string parent{parent_of(path)};
  if (parent.empty() || directories_.contains(parent)) return {};
  return fail(ErrorCode::kNotFound, "no directory for " + path);
}

void SimFileSystem::add_name(const std::string& name, const Inode& inode) {
  drop_name(name);
  entries_[name] = inode;
  if (inode->links++ == 0) used_ += inode->size();
}

void SimFileSystem::drop_name(const std::string& name) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  if (--it->second->links == 0) used_ -= it->second->size();
  entries_.erase(it);
}

void SimFileSystem::change(std::string removed, std::string added, Inode inode) {
  if (!added.empty()) add_name(added, inode);
  if (!removed.empty()) drop_name(removed);
  changes_.push_back({++sequence_, std::move(removed), std::move(added), std::move(inode)});
  if (changes_.size() < 2 * kChangesKept) return;
  // Disks write back in the end what nobody syncs.
  const auto written_back = changes_.begin() + kChangesKept;
  for (auto it = changes_.begin(); it != written_back; ++it) apply(*it, durable_entries_);
  changes_.erase(changes_.begin(), written_back);
}

void SimFileSystem::apply(const EntryChange& change, Entries& entries) {
  const auto it = entries.find(change.removed);
  if (it != entries.end() && it->second == change.inode) entries.erase(it);
  if (!change.added.empty()) entries[change.added] = change.inode;
}

Task<Result<std::unique_ptr<base::File>>> SimFileSystem::open(std::string path,
                                                              base::OpenOptions options) {
  co_await pause();
  CO_TRY(check_parent(path));
  if (directories_.contains(path)) co_return fail(ErrorCode::kInvalidArgument, path);
  const auto it = entries_.find(path);
  Inode inode = it == entries_.end() ? nullptr : it->second;
  if (inode == nullptr && !options.create) co_return fail(ErrorCode::kNotFound, path);
  if (inode != nullptr && options.create && options.exclusive) {
    co_return fail(ErrorCode::kAlreadyExists, path);
  }
  if (inode == nullptr) {
    CO_TRY(enter_write_site("create"));
    if (full_) co_return fail(ErrorCode::kNoSpace, "simulated full disk");
    inode = std::make_shared<SimInode>();
    change("", path, inode);
  }
  std::unique_ptr<base::File> file = std::make_unique<SimFile>(*this, inode);
  co_await pause();
  co_return file;
}

Task<Status> SimFileSystem::link(std::string from, std::string to) {
  co_await pause();
  CO_TRY(check_parent(from));
  CO_TRY(check_parent(to));
  const auto it = entries_.find(from);
  if (it == entries_.end()) co_return fail(ErrorCode::kNotFound, from);
  if (entries_.contains(to) || directories_.contains(to)) {
    co_return fail(ErrorCode::kAlreadyExists, to);
  }
  CO_TRY(enter_write_site("link"));
  if (full_) co_return fail(ErrorCode::kNoSpace, "simulated full disk");
  change("", to, it->second);
  co_await pause();
  co_return Status();
}

Task<Status> SimFileSystem::rename(std::string from, std::string to) {
  co_await pause();
  CO_TRY(check_parent(from));
  CO_TRY(check_parent(to));
  const auto it = entries_.find(from);
  if (it == entries_.end()) co_return fail(ErrorCode::kNotFound, from);
  // Two names of one file: POSIX rename then does nothing.
  const auto other = entries_.find(to);
  if (other == entries_.end() || other->second != it->second) change(from, to, Inode(it->second));
  co_await pause();
  co_return Status();
}

Task<Status> SimFileSystem::remove(std::string path) {
  co_await pause();
  CO_TRY(check_parent(path));
  const auto it = entries_.find(path);
  if (it == entries_.end()) co_return fail(ErrorCode::kNotFound, path);
  change(path, "", Inode(it->second));
  co_await pause();
  co_return Status();
}

std::vector<base::DirectoryEntry> SimFileSystem::children(const std::string& directory) const {
  const std::string prefix = directory.empty() ? "" : directory + "/";
  std::vector<base::DirectoryEntry> found;
  const auto is_child = [&](const std::string& path) {
    return path.size() > prefix.size() && path.find('/', prefix.size()) == std::string::npos;
  };
  for (auto it = entries_.lower_bound(prefix); it != entries_.end(); ++it) {
    if (!it->first.starts_with(prefix)) break;
    if (!is_child(it->first)) continue;
    found.push_back({.name = it->first.substr(prefix.size()), .size = it->second->size()});
  }
  for (auto it = directories_.lower_bound(prefix); it != directories_.end(); ++it) {
    if (!it->starts_with(prefix)) break;
    if (is_child(*it)) found.push_back({.name = it->substr(prefix.size()), .is_directory = true});
  }
  std::ranges::sort(found, {}, &base::DirectoryEntry::name);
  return found;
}

Task<Result<std::vector<std::string>>> SimFileSystem::list(std::string directory) {
  const auto entries = CO_TRY(co_await scan(std::move(directory)));
  std::vector<std::string> names;
  for (const base::DirectoryEntry& entry : entries) names.push_back(entry.name);
  co_return names;
}

Task<Result<std::vector<base::DirectoryEntry>>> SimFileSystem::scan(std::string directory) {
  co_await pause();
  co_return children(directory_name(std::move(directory)));
}

Task<Status> SimFileSystem::make_directories(std::string path) {
  co_await pause();
  path = directory_name(std::move(path));
  if (path.empty()) co_return Status();
  if (!directories_.contains(path)) {
    CO_TRY(enter_write_site("make_directories"));
    if (full_) co_return fail(ErrorCode::kNoSpace, "simulated full disk");
  }
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string directory = path.substr(0, end);
    if (entries_.contains(directory)) co_return fail(ErrorCode::kInvalidArgument, directory);
    directories_.insert(directory);
  }
  co_await pause();
  co_return Status();
}

Task<Status> SimFileSystem::sync_directory(std::string path) {
  path = directory_name(std::move(path));
  const uint64_t last = sequence_;
  co_await pause();
  if (!path.empty() && !directories_.contains(path)) co_return fail(ErrorCode::kNotFound, path);
  const auto covered = [&](const EntryChange& change) {
    const bool here = (!change.removed.empty() && parent_of(change.removed) == path) ||
                      (!change.added.empty() && parent_of(change.added) == path);
    return here && change.sequence <= last;
  };
  const bool fails = std::exchange(fail_next_directory_sync_, false);
  for (const EntryChange& change : changes_) {
    if (covered(change) && !fails) apply(change, durable_entries_);
  }
  std::erase_if(changes_, covered);
  if (fails) {
    ++failed_syncs_;
    co_return fail(ErrorCode::kUnavailable, "simulated directory sync error");
  }
  co_await pause();
  co_return Status();
}

Result<std::unique_ptr<base::FileLock>> SimFileSystem::lock(std::string path) {
  TRY(check_parent(path));
  if (!entries_.contains(path)) {
    if (full_) return fail(ErrorCode::kNoSpace, "simulated full disk");
    change("", path, std::make_shared<SimInode>());
  }
  if (!locks_->held.insert(path).second) {
    return fail(ErrorCode::kAlreadyExists, path + " is locked by another owner");
  }
  return std::make_unique<SimLock>(locks_, path);
}

Result<uint64_t> SimFileSystem::free_bytes() {
  if (full_) return 0;
  constexpr uint64_t kPlenty = uint64_t{1} << 40;
  if (!capacity_) return kPlenty;
  return *capacity_ > used_ ? *capacity_ - used_ : 0;
}

}  // namespace thalweg::sim
