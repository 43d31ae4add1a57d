#include "streamcore/base/posix_file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "streamcore/base/task_group.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/base/loop_executor.h"
#include "tests/streamcore/base/temp_directory.h"

namespace thalweg::base {
namespace {

std::vector<ByteView> one_part(ByteView bytes) { return {bytes}; }

class PosixFileSystemTest : public testing::Test {
 protected:
  PosixFileSystemTest() {
    auto opened = PosixFileSystem::open(directory_.path() + "/a/root", executor_, {});
    CHECK(opened.has_value());
    files_ = std::move(*opened);
  }

  std::unique_ptr<File> open(std::string path, OpenOptions options = {.create = true}) {
    auto file = executor_.run(files_->open(std::move(path), options));
    CHECK_MSG(file.has_value(), file ? "" : file.error().message);
    return std::move(*file);
  }
  ErrorCode open_error(std::string path, OpenOptions options) {
    auto file = executor_.run(files_->open(std::move(path), options));
    CHECK(!file.has_value());
    return file.error().code;
  }
  Status write(File& file, std::string_view text, uint64_t offset, bool sync = false) {
    return executor_.run(file.write_at(one_part(as_bytes(text)), offset, sync));
  }
  std::string read(File& file, uint64_t offset, size_t length) {
    std::string text(length, '\0');
    const auto n = executor_.run(file.read_at(std::as_writable_bytes(std::span(text)), offset));
    CHECK(n.has_value());
    text.resize(*n);
    return text;
  }
  std::string on_disk(const std::string& path) {
    std::ifstream in(directory_.path() + "/a/root/" + path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TempDirectory directory_;
  LoopExecutor executor_;
  std::unique_ptr<PosixFileSystem> files_;
};

TEST_F(PosixFileSystemTest, PathsThatLeaveTheRootAreRefused) {
  for (const char* path : {"../x", "/etc/passwd", "a/../../x", ".."}) {
    EXPECT_EQ(open_error(path, {.create = true}), ErrorCode::kInvalidArgument) << path;
  }
}

TEST_F(PosixFileSystemTest, UnalignedDirectWriteLeavesTheExactLength) {
  const auto file = open("x", {.create = true, .direct = true});
  const std::string text(5000, 'q');
  ASSERT_TRUE(write(*file, text, 0, true));
  EXPECT_EQ(on_disk("x"), text);
}

TEST_F(PosixFileSystemTest, AllocatedSpaceReadsZeroAndTakesWrites) {
  for (const bool direct : {false, true}) {
    const auto file = open(direct ? "d" : "b", {.create = true, .direct = direct});
    ASSERT_TRUE(write(*file, "abc", 0));
    ASSERT_TRUE(executor_.run(file->allocate(20000)));
    EXPECT_EQ(file->size().value(), 20000u);
    EXPECT_EQ(read(*file, 0, 6), std::string("abc\0\0\0", 6));
    EXPECT_EQ(read(*file, 19990, 100), std::string(10, '\0'));
    struct stat info;
    ASSERT_EQ(::stat((directory_.path() + "/a/root/" + (direct ? "d" : "b")).c_str(), &info), 0);
    EXPECT_GE(info.st_blocks * 512, 20000);
    ASSERT_TRUE(executor_.run(file->allocate(100)));
    EXPECT_EQ(file->size().value(), 20000u);
  }
}

TEST_F(PosixFileSystemTest, EveryDescriptorIsClosedOnExec) {
  const auto file = open("x", {.create = true, .direct = true});
  const auto lock = files_->lock("lock");
  size_t ours = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (gone || !target.string().starts_with(directory_.path())) continue;
    ++ours;
    const int fd = std::stoi(entry.path().filename());
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << target;
  }
  EXPECT_EQ(ours, 3u);  // the root, the file, the lock
}

TEST_F(PosixFileSystemTest, FullDeviceIsNoSpace) {
  // /dev/full answers every write with ENOSPC.
  const FileDescriptor probe(::open("/dev/full", O_RDWR | O_CLOEXEC));
  if (!probe) GTEST_SKIP() << "no /dev/full";
  std::filesystem::create_symlink("/dev/full", directory_.path() + "/a/root/full");
  const auto file = open("full", {});
  const auto status = write(*file, "x", 0);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNoSpace);
}

TEST_F(PosixFileSystemTest, WithoutDirectFilesAreBufferedAndOneLineSaysSo) {
  auto refusing =
      PosixFileSystem::open(directory_.path() + "/a/root", executor_, {.refuse_direct = true});
  ASSERT_TRUE(refusing.has_value());
  for (const char* path : {"x", "y"}) {
    auto file =
        executor_.run((*refusing)->open(path, {.create = true, .exclusive = true, .direct = true}));
    ASSERT_TRUE(file.has_value()) << file.error().message;
    ASSERT_TRUE(write(**file, "unaligned", 3));
    ASSERT_TRUE(executor_.run((*file)->sync()));
    EXPECT_EQ(read(**file, 3, 100), "unaligned");
    EXPECT_EQ(on_disk(path), std::string(3, '\0') + "unaligned");
  }
  EXPECT_EQ(take_log_lines(LogLevel::kWarn, "no O_DIRECT"), 1);
  EXPECT_EQ(count_log_lines(""), 0);
}

Task<void> write_block(File& file, uint64_t block, ByteView bytes, int* done) {
  const auto status = co_await file.write_at(one_part(bytes), block * bytes.size(), true);
  CHECK(status.has_value());
  ++*done;
}

TEST_F(PosixFileSystemTest, ConcurrentWritesAllLand) {
  const auto file = open("x", {.create = true, .direct = true, .lane = IoLane::kBulk});
  std::vector<Buffer> buffers;
  int done = 0;
  TaskGroup group(executor_);
  for (int i = 0; i < 16; ++i) {
    buffers.push_back(Buffer::allocate(8192));
    std::memset(buffers.back().data(), 'a' + i, 8192);
    group.spawn(write_block(*file, i, {buffers.back().data(), 8192}, &done));
  }
  executor_.run(group.stop_and_join());
  EXPECT_EQ(done, 16);
  const std::string all = on_disk("x");
  ASSERT_EQ(all.size(), 16u * 8192);
  for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<char>('a' + i / 8192));
}

TEST_F(PosixFileSystemTest, ReopeningKeepsWhatIsThere) {
  ASSERT_TRUE(write(*open("x"), "1", 0, true));
  files_.reset();
  auto opened = PosixFileSystem::open(directory_.path() + "/a/root", executor_, {});
  ASSERT_TRUE(opened.has_value());
  files_ = std::move(*opened);
  EXPECT_EQ(read(*open("x", {}), 0, 9), "1");
}

TEST(PosixFileSystem, NetworkFileSystemsAreRefused) {
  EXPECT_TRUE(refuse_network_file_system(0xEF53, "/data").has_value());  // ext4
  for (const uint64_t magic : {0x6969u, 0xFF534D42u, 0x65735546u, 0x01021997u}) {
    const auto status = refuse_network_file_system(magic, "/data");
    ASSERT_FALSE(status.has_value()) << std::hex << magic;
    EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  }
}

class CountingJob final : public IoJob {
 public:
  explicit CountingJob(std::atomic<int>& count) : count_(count) {}
  void run(IoScratch&) override { ++count_; }

 private:
  std::atomic<int>& count_;
};

TEST(IoThreads, DestroyingThemRunsWhatIsQueued) {
  std::atomic<int> count = 0;
  std::vector<std::unique_ptr<CountingJob>> jobs;
  for (int i = 0; i < 1000; ++i) jobs.push_back(std::make_unique<CountingJob>(count));
  {
    IoThreads threads("test", 3, IoThreads::Scheduling::kPrompt);
    for (const auto& job : jobs) threads.submit(*job);
  }
  EXPECT_EQ(count.load(), 1000);
}

}  // namespace
}  // namespace thalweg::base
