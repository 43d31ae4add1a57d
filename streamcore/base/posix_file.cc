#include "streamcore/base/posix_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "streamcore/base/crc32c.h"
#include "streamcore/base/posix_error.h"

namespace thalweg::base {

namespace {

constexpr uint64_t align_down(uint64_t n) { return n / kIoAlignment * kIoAlignment; }

bool is_aligned(uint64_t n) { return n % kIoAlignment == 0; }
bool is_aligned(ByteView bytes) {
  return is_aligned(reinterpret_cast<uintptr_t>(bytes.data())) && is_aligned(bytes.size());
}

std::unexpected<Error> damaged(const std::string& path) {
  return fail(ErrorCode::kCorrupt, "write " + path + ": the bytes are not what their CRC says");
}

// Copied, and summed while it lies in the nearest cache.
constexpr size_t kSummedAtOnce = 32 * 1024;

// Copies out of a list of parts, from where the last copy ended, and sums what it copied.
class PartReader {
 public:
  explicit PartReader(const Parts& parts) : parts_(parts.views), summed_(parts.crc32c) {}
  void copy_to(MutableByteView into) {
    while (!into.empty()) {
      const size_t n = std::min(into.size(), kSummedAtOnce);
      fill(into.first(n));
      if (summed_) crc_ = crc32c(into.first(n), crc_);
      into = into.subspan(n);
    }
  }
  // Of everything copied; known if the parts' own is.
  uint32_t crc() const { return crc_; }

 private:
  void fill(MutableByteView into) {
    while (!into.empty()) {
      const ByteView rest = parts_[index_].subspan(position_);
      const size_t n = std::min(rest.size(), into.size());
      if (n != 0) std::memcpy(into.data(), rest.data(), n);
      into = into.subspan(n);
      position_ += n;
      if (position_ == parts_[index_].size()) {
        ++index_;
        position_ = 0;
      }
    }
  }

  const std::vector<ByteView>& parts_;
  const bool summed_;
  uint32_t crc_ = 0;
  size_t index_ = 0;
  size_t position_ = 0;
};

constexpr int kVectorMax = 64;

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Task<Result<size_t>> PosixFile::read_at(MutableByteView into, uint64_t offset) {
  co_return co_await run_on(threads_, executor_, [this, into, offset](IoScratch& scratch) {
    return read_now(into, offset, scratch);
  });
}

Task<Status> PosixFile::write_at(Parts parts, uint64_t offset, bool sync) {
  co_return co_await run_on(threads_, executor_, [&](IoScratch& scratch) -> Status {
    TRY(write_now(parts, offset, scratch));
    return sync ? sync_now() : Status();
  });
}

Task<Status> PosixFile::sync() {
  co_return co_await run_on(threads_, executor_, [this](IoScratch&) { return sync_now(); });
}

Task<Status> PosixFile::allocate(uint64_t size) {
  co_return co_await run_on(threads_, executor_, [this, size](IoScratch& scratch) {
    return allocate_now(size, scratch);
  });
}

Task<Status> PosixFile::truncate(uint64_t size) {
  co_return co_await run_on(threads_, executor_, [this, size](IoScratch&) -> Status {
    const auto done =
        retry_interrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); });
    if (done != 0) return fail_errno("ftruncate", path_);
    return {};
  });
}

Result<uint64_t> PosixFile::size() {
  struct stat info;
  if (::fstat(fd_.get(), &info) != 0) return fail_errno("fstat", path_);
  return static_cast<uint64_t>(info.st_size);
}

Result<size_t> PosixFile::read_now(MutableByteView into, uint64_t offset, IoScratch& scratch) {
  if (!direct_ || (is_aligned(into) && is_aligned(offset))) return pread_all(into, offset);
  return read_through(into, offset, scratch.bounce());
}

Result<size_t> PosixFile::pread_all(MutableByteView into, uint64_t offset) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = retry_interrupted([&] {
      return ::pread(fd_.get(), into.data() + done, into.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (n < 0) return fail_errno("pread", path_);
    done += static_cast<size_t>(n);
    // A direct read that ends off a block boundary has met the end of the file; going on there
    // would be unaligned.
    if (n == 0 || (direct_ && !is_aligned(static_cast<uint64_t>(n)))) break;
  }
  return done;
}

Result<size_t> PosixFile::read_through(MutableByteView into, uint64_t offset,
                                       MutableByteView bounce) {
  size_t done = 0;
  while (done < into.size()) {
    const uint64_t wanted = offset + done;
    const uint64_t from = align_down(wanted);
    const uint64_t to =
        std::min(align_up(offset + into.size(), kIoAlignment), from + bounce.size());
    const size_t got = TRY(pread_all(bounce.first(to - from), from));
    const size_t skip = wanted - from;
    if (got <= skip) break;
    const size_t n = std::min(got - skip, into.size() - done);
    std::memcpy(into.data() + done, bounce.data() + skip, n);
    done += n;
    if (got < to - from) break;
  }
  return done;
}

Status PosixFile::write_now(Parts& parts, uint64_t offset, IoScratch& scratch) {
  if (parts.size() == 0) return {};
  const bool straight =
      !direct_ || (is_aligned(offset) &&
                   std::ranges::all_of(parts.views, [](ByteView p) { return is_aligned(p); }));
  if (!straight) return write_through(parts, offset, scratch.bounce());
  if (!parts.sound()) return damaged(path_);
  return write_parts(parts.views, offset);
}

Status PosixFile::write_parts(std::vector<ByteView>& parts, uint64_t offset) {
  if (parts.size() == 1) return write_all(parts[0], offset);
  size_t index = 0;
  while (index < parts.size()) {
    std::array<iovec, kVectorMax> vectors;
    const size_t count = std::min<size_t>(parts.size() - index, kVectorMax);
    for (size_t i = 0; i < count; ++i) {
      const ByteView part = parts[index + i];
      vectors[i] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    const ssize_t n = retry_interrupted([&] {
      return ::pwritev(fd_.get(), vectors.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (n < 0) return fail_errno("pwritev", path_);
    offset += static_cast<uint64_t>(n);
    for (auto left = static_cast<size_t>(n); index < parts.size(); ++index) {
      if (left < parts[index].size()) {
        parts[index] = parts[index].subspan(left);
        break;
      }
      left -= parts[index].size();
    }
  }
  return {};
}

Status PosixFile::write_all(ByteView bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = retry_interrupted([&] {
      return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (n < 0) return fail_errno("pwrite", path_);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Status PosixFile::write_through(const Parts& parts, uint64_t offset, MutableByteView bounce) {
  const uint64_t old_size = TRY(size());
  const uint64_t end = offset + parts.size();
  const uint64_t padded_end = align_up(end, kIoAlignment);
  const uint64_t last_block = padded_end - kIoAlignment;
  PartReader reader(parts);
  for (uint64_t from = align_down(offset); from < end; from += bounce.size()) {
    const uint64_t to = std::min(padded_end, from + bounce.size());
    if (from < offset) TRY(load_block(bounce.first(kIoAlignment), from));
    const bool ends_inside_block = to == padded_end && end != padded_end;
    if (ends_inside_block && !(from < offset && from == last_block)) {
      TRY(load_block(bounce.subspan(last_block - from, kIoAlignment), last_block));
    }
    const uint64_t first = std::max(from, offset);
    reader.copy_to(bounce.subspan(first - from, std::min(to, end) - first));
    TRY(write_all(bounce.first(to - from), from));
  }
  if (parts.crc32c && reader.crc() != *parts.crc32c) return damaged(path_);
  const uint64_t new_size = std::max(old_size, end);
  if (padded_end <= new_size) return {};
  const auto cut =
      retry_interrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(new_size)); });
  if (cut != 0) return fail_errno("ftruncate", path_);
  return {};
}

Status PosixFile::load_block(MutableByteView into, uint64_t offset) {
  const size_t got = TRY(pread_all(into, offset));
  std::memset(into.data() + got, 0, into.size() - got);
  return {};
}

Status PosixFile::sync_now() {
  if (sync_failed_.load(std::memory_order_relaxed)) {
    return fail(ErrorCode::kUnavailable, "fdatasync " + path_ + ": an earlier sync failed");
  }
  if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) != 0) {
    sync_failed_.store(true, std::memory_order_relaxed);
    return fail_errno("fdatasync", path_);
  }
  return {};
}

Status PosixFile::allocate_now(uint64_t size, IoScratch& scratch) {
  const int done =
      retry_interrupted([&] { return ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)); });
  if (done == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return fail_errno("fallocate", path_);
  // The file system cannot reserve: zeros beyond the end do it, holes below it stay.
  const MutableByteView zeros = scratch.bounce();
  std::memset(zeros.data(), 0, zeros.size());
  for (uint64_t at = TRY(this->size()); at < size;) {
    const uint64_t to_block = direct_ ? align_up(at, kIoAlignment) - at : 0;
    if (to_block != 0) {  // the last block is partly used; growing over it writes nothing new
      at = std::min(size, at + to_block);
      if (::ftruncate(fd_.get(), static_cast<off_t>(at)) != 0)
        return fail_errno("ftruncate", path_);
      continue;
    }
    const uint64_t n = std::min<uint64_t>(zeros.size(), size - at);
    TRY(write_all(zeros.first(direct_ ? align_up(n, kIoAlignment) : n), at));
    at += n;
    if (at == size && direct_ && !is_aligned(at) &&
        ::ftruncate(fd_.get(), static_cast<off_t>(at)) != 0) {
      return fail_errno("ftruncate", path_);
    }
  }
  return {};
}

}  // namespace thalweg::base
