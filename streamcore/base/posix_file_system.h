// PosixFileSystem: the FileSystem of a real machine, below one root directory.
//
// Blocking calls run on threads of its own and are answered on the executor given: one prompt
// thread for the log lane, a few for everything else. Files and locks made here must be gone before
// it is; destroying it finishes what is queued. Paths with ".." or a leading "/" are
// kInvalidArgument. Everything is opened close-on-exec.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/file_system.h"
#include "streamcore/base/io_thread.h"
#include "streamcore/base/posix_file.h"

namespace thalweg::base {

struct PosixOptions {
  size_t bulk_threads = 4;
  // A network file system (NFS, SMB, 9P, FUSE ...) may lose a lock, or a write it called durable.
  bool allow_network_file_system = false;
  // As a file system without O_DIRECT does; for tests.
  bool refuse_direct = false;
};

// kUnsupported if `magic` (f_type of statfs(2)) is a network file system's.
Status refuse_network_file_system(uint64_t magic, const std::string& root);

class PosixFileSystem final : public FileSystem {
 public:
  // Blocks. Creates `root` if it is missing. kUnsupported on a network file system.
  static Result<std::unique_ptr<PosixFileSystem>> open(std::string root, Executor& executor,
                                                       PosixOptions options);

  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenOptions options) override;
  Task<Status> link(std::string from, std::string to) override;
  Task<Status> rename(std::string from, std::string to) override;
  Task<Status> remove(std::string path) override;
  Task<Result<std::vector<std::string>>> list(std::string directory) override;
  Task<Result<std::vector<DirectoryEntry>>> scan(std::string directory) override;
  Task<Status> make_directories(std::string path) override;
  Task<Status> sync_directory(std::string path) override;
  Result<std::unique_ptr<FileLock>> lock(std::string path) override;
  Result<uint64_t> free_bytes() override;

 private:
  PosixFileSystem(FileDescriptor root, Executor& executor, PosixOptions options)
      : root_(std::move(root)),
        executor_(executor),
        refuse_direct_(options.refuse_direct),
        log_("log-io", 1, IoThreads::Scheduling::kPrompt),
        bulk_("bulk-io", options.bulk_threads, IoThreads::Scheduling::kSoon) {}

  Result<std::unique_ptr<File>> open_now(const std::string& path, OpenOptions options,
                                         IoThreads& threads);
  Result<std::vector<DirectoryEntry>> scan_now(const std::string& directory, bool with_kind);

  FileDescriptor root_;
  Executor& executor_;
  const bool refuse_direct_;
  std::atomic<bool> warned_buffered_ = false;
  IoThreads log_;
  IoThreads bulk_;
};

}  // namespace thalweg::base
