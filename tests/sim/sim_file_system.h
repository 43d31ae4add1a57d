// SimFileSystem: a disk in memory that forgets, at a crash, whatever was not synced.
//
// It outlives the processes that use it: crash() is the power cut, attach() gives it to the
// restarted process. Each call takes virtual time drawn from the Random given; calls may overtake
// each other. After a crash any subset of the unsynced sectors (sim_inode.h) and of the unsynced
// directory entries is left; a rename or link is left whole or not at all, and a synced file may
// lose its unsynced name. Coroutines waiting for a call are destroyed before crash() or attach().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/file_system.h"
#include "streamcore/base/random.h"
#include "tests/sim/sim_inode.h"

namespace thalweg::sim {

class SimFile;

class SimFileSystem final : public base::FileSystem {
 public:
  SimFileSystem(base::Executor& executor, base::Random& random)
      : executor_(&executor), random_(random), locks_(std::make_shared<LockTable>()) {}

  // The restarted process's executor. The old process's locks are gone.
  void attach(base::Executor& executor);
  // The power cut. Use attach() before going on.
  void crash(base::Random& random);

  // Every call takes between these; one in fifty takes twenty times as long.
  void set_latency(base::Duration min, base::Duration max);
  // Bytes of all files; growth past it is kNoSpace. Nothing: no limit.
  void set_capacity(std::optional<uint64_t> bytes) { capacity_ = bytes; }
  // Whatever needs new space (growing, creating, linking, making a directory) answers kNoSpace.
  void set_full(bool full) { full_ = full; }
  // A write site is a call that can meet a full disk: write, allocate, create, link,
  // make_directories.
  uint64_t write_sites() const { return write_sites_; }
  // The site with this number (counted from write_sites()) answers kNoSpace, once or for ever.
  void fail_write_site(uint64_t site, bool for_ever);
  // From the site with this number on the disk holds what it holds then: files may not grow, what
  // was allocated may be written.
  void fill_at_write_site(uint64_t site) { fill_site_ = site; }
  // The next sync of a file fails, and what it should have synced may be lost whatever follows.
  void fail_next_sync() { fail_next_sync_ = true; }
  // The same for the next sync of a directory and the names in it.
  void fail_next_directory_sync() { fail_next_directory_sync_ = true; }
  void fail_next_read() { fail_next_read_ = true; }
  // Ends every fault set above that has not happened yet. What a failed sync lost stays lost.
  void heal();

  uint64_t used_bytes() const { return used_; }
  uint64_t syncs() const { return syncs_; }  // of files, so far
  uint64_t failed_syncs() const { return failed_syncs_; }
  bool exists(const std::string& path) const { return entries_.contains(path); }
  std::string content(const std::string& path) const;
  // Damages what is stored (bit rot); the file exists.
  void flip_bit(const std::string& path, uint64_t bit);

  base::Task<base::Result<std::unique_ptr<base::File>>> open(std::string path,
                                                             base::OpenOptions options) override;
  base::Task<base::Status> link(std::string from, std::string to) override;
  base::Task<base::Status> rename(std::string from, std::string to) override;
  base::Task<base::Status> remove(std::string path) override;
  base::Task<base::Result<std::vector<std::string>>> list(std::string directory) override;
  base::Task<base::Result<std::vector<base::DirectoryEntry>>> scan(std::string directory) override;
  base::Task<base::Status> make_directories(std::string path) override;
  base::Task<base::Status> sync_directory(std::string path) override;
  base::Result<std::unique_ptr<base::FileLock>> lock(std::string path) override;
  base::Result<uint64_t> free_bytes() override;

 private:
  friend class SimFile;
  using Inode = std::shared_ptr<SimInode>;  // by names, the durable names and open files
  using Entries = std::map<std::string, Inode>;

  struct EntryChange {
    uint64_t sequence;
    std::string removed;  // empty: nothing
    std::string added;    // empty: nothing
    Inode inode;
  };
  struct LockTable {
    std::set<std::string> held;
  };
  class SimLock;

  base::Duration latency();
  auto pause();
  // kNoSpace if this write site has to fail.
  base::Status enter_write_site(std::string_view what);
  base::Status reserve(SimInode& inode, uint64_t new_size);
  base::Status check_parent(const std::string& path) const;
  void change(std::string removed, std::string added, Inode inode);
  void add_name(const std::string& name, const Inode& inode);
  void drop_name(const std::string& name);
  std::vector<base::DirectoryEntry> children(const std::string& directory) const;
  static void apply(const EntryChange& change, Entries& entries);

  base::Executor* executor_;
  base::Random& random_;
  base::Duration latency_min_ = std::chrono::microseconds(20);
  base::Duration latency_max_ = std::chrono::microseconds(500);

  Entries entries_;
  Entries durable_entries_;
  std::vector<EntryChange> changes_;  // not yet durable, in order
  std::set<std::string> directories_;
  uint64_t sequence_ = 0;
  uint64_t generation_ = 0;           // processes so far; a file belongs to one
  std::shared_ptr<LockTable> locks_;  // shared with the locks, which may die after their process

  std::optional<uint64_t> capacity_;
  uint64_t used_ = 0;
  uint64_t syncs_ = 0;
  uint64_t failed_syncs_ = 0;
  uint64_t write_sites_ = 0;
  uint64_t fail_site_ = UINT64_MAX;
  uint64_t fill_site_ = UINT64_MAX;
  bool fail_for_ever_ = false;
  bool full_ = false;
  bool fail_next_sync_ = false;
  bool fail_next_directory_sync_ = false;
  bool fail_next_read_ = false;
};

}  // namespace thalweg::sim
