// FileSystem: the disk, as far as the log engine needs it. The real one (posix_file_system.h) runs
// blocking calls on I/O threads of its own and answers on the caller's executor; the simulator's
// (tests/sim) forgets, at a crash, any subset of the 512-byte sectors and directory entries that
// were not synced.
//
// Paths are relative to the root the file system was opened on. What a write or a sync answered is
// all that is known: a failed sync means the file's unsynced content is unknown for ever (never
// sync again and believe it).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/parts.h"
#include "streamcore/base/result.h"
#include "streamcore/base/task.h"

namespace thalweg::base {

// Which threads serve a file: the log's own committer, so that an append never queues behind a
// segment, or the pool.
enum class IoLane { kLog, kBulk };

// What the growth of a file is for: data, or what must work on a full disk too (metadata, recovery,
// trim, delete), for which a reserve is kept (quota_file_system.h).
enum class Purpose { kData, kUpkeep };

struct OpenOptions {
  bool create = false;     // create if missing (the entry is durable only after sync_directory)
  bool exclusive = false;  // with create: kAlreadyExists if it is there
  bool direct = false;     // bypass the page cache; unaligned parts are gathered first
  IoLane lane = IoLane::kBulk;
  Purpose purpose = Purpose::kData;
};

class File {
 public:
  virtual ~File() = default;
  // Reads up to into.size() bytes; fewer only at the end of the file. `into` lives until the Task
  // is done.
  virtual Task<Result<size_t>> read_at(MutableByteView into, uint64_t offset) = 0;
  // Writes the parts one after the other; with `sync` also makes them durable before answering (one
  // fdatasync). kNoSpace: nothing can be said of the range written, nor after kCorrupt: the parts
  // were not what their CRC says. The parts' bytes live until the Task is done.
  virtual Task<Status> write_at(Parts parts, uint64_t offset, bool sync) = 0;
  virtual Task<Status> sync() = 0;
  // Reserves blocks so that writes below `size` cannot run out of space. kNoSpace.
  virtual Task<Status> allocate(uint64_t size) = 0;
  virtual Task<Status> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() = 0;
};

// Held as long as it lives, and by one process at a time.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size = 0;  // of a file
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kNotFound.
  virtual Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) = 0;
  // Gives `from` a second name; kAlreadyExists if `to` is there. This is the atomic put-if-absent.
  virtual Task<Status> link(std::string from, std::string to) = 0;
  virtual Task<Status> rename(std::string from, std::string to) = 0;
  virtual Task<Status> remove(std::string path) = 0;  // kNotFound
  // Names (not paths) in a directory, sorted. A missing directory is empty.
  virtual Task<Result<std::vector<std::string>>> list(std::string directory) = 0;
  // The same with what each entry is, for walks.
  virtual Task<Result<std::vector<DirectoryEntry>>> scan(std::string directory) = 0;
  virtual Task<Status> make_directories(std::string path) = 0;  // durable when it answers
  virtual Task<Status> sync_directory(std::string path) = 0;
  // Exclusive between processes (OFD lock) and within one. kAlreadyExists if somebody holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(std::string path) = 0;
  virtual Result<uint64_t> free_bytes() = 0;
};

}  // namespace thalweg::base
