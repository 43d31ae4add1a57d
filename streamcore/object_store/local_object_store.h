// LocalObjectStore: an ObjectStore in a directory of a local file system.
//
//   objects/<key parts as directories>/<last part>@   the objects; the mark keeps key "a" apart
//                                                     from "a/b"
//   tmp/<slot>.lock                                   held by the process that uses the slot
//   tmp/<slot>-<nonce>-<counter>                      objects being written
//
// A put writes and syncs a temporary file, then link(2)s it to its name (the atomic put-if-absent)
// and syncs the directory; only then does it answer. No object is ever shown before its name is
// durable, not even to other callers of this store. Several processes may use one directory. A
// failed directory sync ends the store (kClosed), which it logs: until it is opened again, nothing
// it cannot vouch for is answered.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "streamcore/base/buffer_pool.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/file_system.h"
#include "streamcore/base/random.h"
#include "streamcore/base/sync.h"
#include "streamcore/object_store/object_store.h"

namespace thalweg::object_store {

inline constexpr unsigned kProcessesMax = 16;               // that use one directory at a time
inline constexpr uint64_t kFilesInUseMax = 256;             // by calls at a time; further ones wait
inline constexpr size_t kKnownDirectoriesMax = 16384;       // remembered as made durable
inline constexpr uint64_t kWholeObjectBytesMax = 1u << 30;  // larger ones are read by range

// Reads of the size segments are read in (4 MiB and what sticks out of its last block, which is
// one entry of a mebibyte where batches are large) get memory that was used before: first touching
// a page is slow. Shorter ones get memory of their own.
inline constexpr size_t kReadBlockBytes = (size_t{5} << 20) + (size_t{256} << 10);
inline constexpr size_t kReadBlockUsedMin = kReadBlockBytes / 2;
inline constexpr size_t kReadBlocksIdleMax = 16;  // kept for the next reads
// Ranges from here on bypass the page cache: who reads that much keeps it in a cache of its own.
inline constexpr uint64_t kDirectReadBytesMin = uint64_t{1} << 20;

class LocalObjectStore final : public ObjectStore {
 public:
  // Takes a slot, removes what dead processes left in tmp/, and makes durable every name it finds,
  // since their last owner may have died before it did. The arguments outlive the store.
  // kUnavailable.
  static base::Task<base::Result<std::unique_ptr<LocalObjectStore>>> open(base::FileSystem& files,
                                                                          base::Executor& executor,
                                                                          base::Random& random);

  base::Task<base::Result<PutOutcome>> put_if_absent(std::string key, base::Parts parts) override;
  base::Task<base::Result<base::Slice>> get(std::string key,
                                            std::optional<ByteRange> range) override;
  base::Task<base::Result<ObjectInfo>> head(std::string key) override;
  // Durable when it answers.
  base::Task<base::Status> remove(std::string key) override;
  base::Task<base::Status> remove_all(std::vector<std::string> keys) override;
  // Reads whole directories: a page costs as much as the directories it touches are long.
  base::Task<base::Result<ListPage>> list(std::string prefix, std::string start_after) override;

 private:
  struct Listing;
  struct LetGo {
    void operator()(base::BufferPool* pool) const { pool->release(); }
  };
  class Unsynced;
  class FilesInUse;

  LocalObjectStore(base::FileSystem& files, base::Executor& executor, std::string temporary_prefix,
                   std::unique_ptr<base::FileLock> slot);

  base::Task<base::Status> write_temporary(std::string path, base::Purpose purpose,
                                           base::Parts parts);
  base::Task<base::Result<PutOutcome>> publish(std::string temporary, std::string key);
  base::Task<base::Status> know_directory(std::string directory);
  base::Task<base::Status> sync_names(std::string directory);
  base::Task<base::Result<std::unique_ptr<base::File>>> open_object(std::string key, bool direct);
  base::Buffer read_buffer(uint64_t length);
  base::Task<base::Status> sync_listed(const ListPage& page);
  base::Task<base::Status> collect(Listing& listing, std::string key_prefix);

  base::FileSystem& files_;
  std::string temporary_prefix_;
  std::unique_ptr<base::FileLock> slot_;
  uint64_t counter_ = 0;
  std::set<std::string> known_directories_;
  // Keys that may be linked while their name is not yet durable.
  std::multiset<std::string> unsynced_;
  bool sync_failed_ = false;
  base::Semaphore files_in_use_;
  std::unique_ptr<base::BufferPool, LetGo> read_blocks_;
};

}  // namespace thalweg::object_store
