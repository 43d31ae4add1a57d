// PosixFile: an open file whose blocking calls run on I/O threads. Made by PosixFileSystem, which
// it must not outlive.
//
// Direct files: aligned reads and writes go straight to the device; others pass through the I/O
// thread's aligned buffer. An unaligned write reads the blocks at its ends, so two writes that
// share a 4 KiB block must not overlap in time. A file whose length is not a multiple of 4 KiB is
// for a moment longer than it will be, padded with zeros.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/file_system.h"
#include "streamcore/base/io_thread.h"

namespace thalweg::base {

// A file descriptor, closed with its holder.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(FileDescriptor fd, std::string path, bool direct, IoThreads& threads,
            Executor& executor)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        direct_(direct),
        threads_(threads),
        executor_(executor) {}

  Task<Result<size_t>> read_at(MutableByteView into, uint64_t offset) override;
  Task<Status> write_at(Parts parts, uint64_t offset, bool sync) override;
  // After one failed sync every later one fails: the kernel reports a lost page once, then forgets
  // it.
  Task<Status> sync() override;
  Task<Status> allocate(uint64_t size) override;
  Task<Status> truncate(uint64_t size) override;
  Result<uint64_t> size() override;

 private:
  Result<size_t> read_now(MutableByteView into, uint64_t offset, IoScratch& scratch);
  Result<size_t> read_through(MutableByteView into, uint64_t offset, MutableByteView bounce);
  Status write_now(Parts& parts, uint64_t offset, IoScratch& scratch);
  Status write_parts(std::vector<ByteView>& parts, uint64_t offset);
  Status write_through(const Parts& parts, uint64_t offset, MutableByteView bounce);
  Status write_all(ByteView bytes, uint64_t offset);
  // Fills `into` from the file, as far as it goes, and zeros beyond.
  Status load_block(MutableByteView into, uint64_t offset);
  Result<size_t> pread_all(MutableByteView into, uint64_t offset);
  Status sync_now();
  Status allocate_now(uint64_t size, IoScratch& scratch);

  FileDescriptor fd_;
  std::string path_;
  bool direct_;
  IoThreads& threads_;
  Executor& executor_;
  std::atomic<bool> sync_failed_ = false;
};

}  // namespace thalweg::base
