// QuotaFileSystem: a named limit in bytes over any FileSystem, and a reserve within it.
//
// It counts the sizes of files: writes, allocations and truncations that would grow the sum past
// the limit answer kNoSpace before anything is touched; removing and cutting give back. A file with
// two names counts once; a removed file counts until it is closed. The wrapped file system is
// changed through this alone.
//
// The reserve is a file whose space is allocated. When the disk has none left for what is opened
// for upkeep, the file is cut; from then on data may not grow until the file could be made whole
// again, so that data never gets the reserve's space. Past the limit, upkeep may use as much.
//
// Belongs to one executor; files made here must be gone before it is.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/file_system.h"
#include "streamcore/base/sync.h"

namespace thalweg::base {

class QuotaFileSystem final : public FileSystem {
 public:
  // `name` is what a refusal calls the limit. `used_bytes`: what is there already, or call
  // measure().
  QuotaFileSystem(FileSystem& files, std::string name, uint64_t limit_bytes, uint64_t used_bytes)
      : files_(files), name_(std::move(name)), limit_(limit_bytes), used_(used_bytes) {}

  // Sets the used bytes to the sum of all files below `directories`. Before the first file is
  // opened.
  Task<Status> measure(std::vector<std::string> directories);
  // Keeps `bytes` of disk in the file `path`, beside the limit. On a disk that has them no more it
  // goes on without, and makes the reserve when there is space. Once, before data is written.
  Task<Status> keep_reserve(Executor& executor, std::string path, uint64_t bytes);
  // The reserve is whole.
  bool has_reserve() const { return reserve_whole_; }
  // A limit below what is used refuses growth only.
  void set_limit(uint64_t limit_bytes) { limit_ = limit_bytes; }
  uint64_t limit_bytes() const { return limit_; }
  uint64_t used_bytes() const { return used_; }

  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) override;
  Task<Status> link(std::string from, std::string to) override;
  Task<Status> rename(std::string from, std::string to) override;
  Task<Status> remove(std::string path) override;
  Task<Result<std::vector<std::string>>> list(std::string directory) override;
  Task<Result<std::vector<DirectoryEntry>>> scan(std::string directory) override;
  Task<Status> make_directories(std::string path) override;
  Task<Status> sync_directory(std::string path) override;
  Result<std::unique_ptr<FileLock>> lock(std::string path) override;
  // The smaller of what the quota and the disk leave.
  Result<uint64_t> free_bytes() override;

 private:
  class QuotaFile;
  // A file in use: open, being changed, or with several names. Others are not remembered.
  struct Node {
    uint64_t size = 0;  // as counted in used_
    uint32_t users = 0;
    uint32_t growing = 0;  // calls in flight that may change the size
    std::vector<std::string> names;
  };
  class Use;

  // Before a call that may grow the file to `size`. kNoSpace.
  Task<Status> make_room(std::shared_ptr<Node> node, uint64_t size, Purpose purpose);
  Task<Status> restore_reserve();
  // After a call for upkeep that met a full disk: true if it is worth another try.
  Task<bool> release_reserve(const Error& error, Purpose purpose);
  void give_back(Node& node, uint64_t size);
  // The node of what `path` names, held by the Use returned. kNotFound.
  Task<Result<Use>> find(std::string path);
  std::shared_ptr<Node> node_of(const std::string& path, uint64_t size);
  void drop_name(Node& node, const std::string& path);
  void end_use(Node& node);

  FileSystem& files_;
  std::string name_;
  uint64_t limit_;
  uint64_t used_;
  uint64_t reserve_ = 0;
  bool reserve_whole_ = false;
  std::string reserve_path_;
  std::unique_ptr<File> reserve_file_;
  std::optional<Semaphore> reserve_turn_;
  std::map<std::string, std::shared_ptr<Node>> nodes_;  // shared by the names of one file
};

}  // namespace thalweg::base
