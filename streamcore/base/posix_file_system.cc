#include "streamcore/base/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "streamcore/base/log.h"
#include "streamcore/base/posix_error.h"

namespace thalweg::base {

namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

struct NetworkFileSystem {
  uint32_t magic;  // statfs(2) f_type
  const char* name;
};
constexpr std::array kNetworkFileSystems = {
    NetworkFileSystem{0x6969, "NFS"},        NetworkFileSystem{0x517B, "SMB"},
    NetworkFileSystem{0xFF534D42, "CIFS"},   NetworkFileSystem{0xFE534D42, "SMB2"},
    NetworkFileSystem{0x65735546, "FUSE"},   NetworkFileSystem{0x01021997, "9P"},
    NetworkFileSystem{0x00C36400, "Ceph"},   NetworkFileSystem{0x73757245, "Coda"},
    NetworkFileSystem{0x5346414F, "AFS"},    NetworkFileSystem{0x6B414653, "AFS"},
    NetworkFileSystem{0x0BD00BD0, "Lustre"}, NetworkFileSystem{0x01161970, "GFS2"},
    NetworkFileSystem{0x7461636F, "OCFS2"},
};

// The path itself, "." for the root; kInvalidArgument if it could lead out of the root.
Result<std::string> checked(const std::string& path) {
  if (path.empty()) return ".";
  bool ok = path.front() != '/' && path.find('\0') == std::string::npos;
  for (std::string_view rest = path; ok && !rest.empty();) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    ok = rest.substr(0, slash) != "..";
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (!ok) return fail(ErrorCode::kInvalidArgument, "bad path: " + path);
  return path;
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

FileDescriptor open_at(int root, const std::string& path, int flags) {
  return FileDescriptor(retry_interrupted(
      [&] { return ::openat(root, path.c_str(), flags | O_CLOEXEC, kFileMode); }));
}

Status sync_directory_at(int root, const std::string& path) {
  const FileDescriptor fd = open_at(root, path, O_RDONLY | O_DIRECTORY);
  if (!fd) return fail_errno("open", path);
  if (retry_interrupted([&] { return ::fsync(fd.get()); }) != 0) return fail_errno("fsync", path);
  return {};
}

// Makes each directory of `path` and its entry durable; also of those that are there, since whoever
// made them may have died before the sync.
Status make_directories_at(int root, const std::string& path) {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string directory = path.substr(0, end);
    if (directory == ".") continue;
    if (::mkdirat(root, directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return fail_errno("mkdir", directory);
    }
    const std::string parent = parent_of(directory);
    // Above the root there may be directories that cannot be read; they were not made here then.
    const Status synced = sync_directory_at(root, parent.empty() ? "/" : parent);
    if (!synced && root != AT_FDCWD) return synced;
  }
  return {};
}

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(FileDescriptor fd) : fd_(std::move(fd)) {}

 private:
  FileDescriptor fd_;
};

}  // namespace

Status refuse_network_file_system(uint64_t magic, const std::string& root) {
  const auto* const found = std::ranges::find(kNetworkFileSystems, static_cast<uint32_t>(magic),
                                              &NetworkFileSystem::magic);
  if (found == kNetworkFileSystems.end()) return {};
  return fail(ErrorCode::kUnsupported,
              root + " is on a network file system (" + found->name +
                  "), whose locks and syncs cannot be relied on; use a local disk");
}

Result<std::unique_ptr<PosixFileSystem>> PosixFileSystem::open(std::string root, Executor& executor,
                                                               PosixOptions options) {
  TRY(make_directories_at(AT_FDCWD, root));
  FileDescriptor fd = open_at(AT_FDCWD, root, O_RDONLY | O_DIRECTORY);
  if (!fd) return fail_errno("open", root);
  struct statfs info;
  if (::fstatfs(fd.get(), &info) != 0) return fail_errno("fstatfs", root);
  if (!options.allow_network_file_system) {
    TRY(refuse_network_file_system(static_cast<uint64_t>(info.f_type), root));
  }
  return std::unique_ptr<PosixFileSystem>(new PosixFileSystem(std::move(fd), executor, options));
}

Task<Result<std::unique_ptr<File>>> PosixFileSystem::open(std::string path, OpenOptions options) {
  IoThreads& threads = options.lane == IoLane::kLog ? log_ : bulk_;
  co_return co_await run_on(threads, executor_,
                            [&](IoScratch&) { return open_now(path, options, threads); });
}

Result<std::unique_ptr<File>> PosixFileSystem::open_now(const std::string& path,
                                                        OpenOptions options, IoThreads& threads) {
  const std::string name = TRY(checked(path));
  const int flags =
      O_RDWR | (options.create ? O_CREAT : 0) | (options.create && options.exclusive ? O_EXCL : 0);
  bool direct = options.direct;
  FileDescriptor fd = open_at(root_.get(), name, flags | (direct ? O_DIRECT : 0));
  if (fd && direct && refuse_direct_) {
    fd = FileDescriptor();
    errno = EINVAL;
  }
  if (!fd && direct && errno == EINVAL) {
    // The kernel may have created the file before it refused the flag.
    direct = false;
    fd = open_at(root_.get(), name, flags & ~O_EXCL);
    if (!warned_buffered_.exchange(true)) {
      log_warn("no O_DIRECT: using buffered writes + fdatasync");
    }
  }
  if (!fd) return fail_errno("open", path);
  return std::make_unique<PosixFile>(std::move(fd), path, direct, threads, executor_);
}

Task<Status> PosixFileSystem::link(std::string from, std::string to) {
  co_return co_await run_on(bulk_, executor_, [&](IoScratch&) -> Status {
    const std::string old_name = TRY(checked(from));
    const std::string new_name = TRY(checked(to));
    if (::linkat(root_.get(), old_name.c_str(), root_.get(), new_name.c_str(), 0) != 0) {
      return fail_errno("link", to);
    }
    return {};
  });
}

Task<Status> PosixFileSystem::rename(std::string from, std::string to) {
  co_return co_await run_on(bulk_, executor_, [&](IoScratch&) -> Status {
    const std::string old_name = TRY(checked(from));
    const std::string new_name = TRY(checked(to));
    if (::renameat(root_.get(), old_name.c_str(), root_.get(), new_name.c_str()) != 0) {
      return fail_errno("rename", to);
    }
    return {};
  });
}

Task<Status> PosixFileSystem::remove(std::string path) {
  co_return co_await run_on(bulk_, executor_, [&](IoScratch&) -> Status {
    const std::string name = TRY(checked(path));
    if (::unlinkat(root_.get(), name.c_str(), 0) != 0) return fail_errno("unlink", path);
    return {};
  });
}

Task<Result<std::vector<std::string>>> PosixFileSystem::list(std::string directory) {
  auto scanned = co_await run_on(
      bulk_, executor_, [&](IoScratch&) { return scan_now(directory, /*with_kind=*/false); });
  const auto entries = CO_TRY(std::move(scanned));
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const DirectoryEntry& entry : entries) names.push_back(entry.name);
  co_return names;
}

Task<Result<std::vector<DirectoryEntry>>> PosixFileSystem::scan(std::string directory) {
  co_return co_await run_on(bulk_, executor_,
                            [&](IoScratch&) { return scan_now(directory, /*with_kind=*/true); });
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::scan_now(const std::string& directory,
                                                              bool with_kind) {
  const std::string name = TRY(checked(directory));
  std::vector<DirectoryEntry> entries;
  const int fd = retry_interrupted(
      [&] { return ::openat(root_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0 && errno == ENOENT) return entries;
  if (fd < 0) return fail_errno("open", directory);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), &::closedir);
  if (stream == nullptr) return fail_errno("opendir", directory);
  while (true) {
    errno = 0;
    const dirent* const found = ::readdir(stream.get());
    if (found == nullptr && errno != 0) return fail_errno("readdir", directory);
    if (found == nullptr) break;
    const std::string_view entry_name = found->d_name;
    if (entry_name == "." || entry_name == "..") continue;
    DirectoryEntry entry{.name = std::string(entry_name)};
    if (with_kind) {
      struct stat info;
      const int done = ::fstatat(fd, found->d_name, &info, AT_SYMLINK_NOFOLLOW);
      if (done != 0 && errno == ENOENT) continue;  // removed meanwhile
      if (done != 0) return fail_errno("stat", entry.name);
      entry.is_directory = S_ISDIR(info.st_mode);
      entry.size = entry.is_directory ? 0 : static_cast<uint64_t>(info.st_size);
    }
    entries.push_back(std::move(entry));
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Task<Status> PosixFileSystem::make_directories(std::string path) {
  co_return co_await run_on(bulk_, executor_, [&](IoScratch&) -> Status {
    return make_directories_at(root_.get(), TRY(checked(path)));
  });
}

Task<Status> PosixFileSystem::sync_directory(std::string path) {
  co_return co_await run_on(bulk_, executor_, [&](IoScratch&) -> Status {
    return sync_directory_at(root_.get(), TRY(checked(path)));
  });
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(std::string path) {
  const std::string name = TRY(checked(path));
  FileDescriptor fd = open_at(root_.get(), name, O_RDWR | O_CREAT);
  if (!fd) return fail_errno("open", path);
  // An open-file-description lock excludes other opens of this process too, and survives no exec.
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (retry_interrupted([&] { return ::fcntl(fd.get(), F_OFD_SETLK, &whole); }) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return fail(ErrorCode::kAlreadyExists, path + " is locked by another owner");
    }
    return fail_errno("lock", path);
  }
  return std::make_unique<PosixFileLock>(std::move(fd));
}

Result<uint64_t> PosixFileSystem::free_bytes() {
  struct statvfs info;
  if (::fstatvfs(root_.get(), &info) != 0) return fail_errno("statvfs", "the root");
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace thalweg::base
