#include "streamcore/base/quota_file_system.h"

#include <gtest/gtest.h>

#include "streamcore/base/random.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"

namespace thalweg::base {
namespace {

class QuotaFileSystemTest : public testing::Test {
 protected:
  std::unique_ptr<File> open(std::string path) {
    auto file = sim::run(executor_, quota_.open(std::move(path), {.create = true}));
    CHECK(file.has_value());
    return std::move(*file);
  }
  std::unique_ptr<File> open_for_upkeep(std::string path) {
    auto file = sim::run(
        executor_, quota_.open(std::move(path), {.create = true, .purpose = Purpose::kUpkeep}));
    CHECK(file.has_value());
    return std::move(*file);
  }
  Status write(File& file, size_t size, uint64_t offset) {
    const std::string text(size, 'x');
    return sim::run(executor_, file.write_at({as_bytes(text)}, offset, false));
  }
  // A disk of 1000 bytes, all taken: 700 of data, 300 of a reserve, of which upkeep used 100.
  std::unique_ptr<File> open_beside_a_used_reserve() {
    quota_.set_limit(UINT64_MAX);
    disk_.set_capacity(1000);
    EXPECT_TRUE(sim::run(executor_, quota_.keep_reserve(executor_, "reserve", 300)));
    auto data = open("data");
    EXPECT_TRUE(write(*data, 700, 0));
    EXPECT_TRUE(write(*open_for_upkeep("metadata"), 100, 0));
    return data;
  }
  Status remove(std::string path) { return sim::run(executor_, quota_.remove(std::move(path))); }

  SeededRandom random_{5};
  sim::SimExecutor executor_;
  sim::SimFileSystem disk_{executor_, random_};
  QuotaFileSystem quota_{disk_, "segments", 1000, 0};
};

TEST_F(QuotaFileSystemTest, GrowthPastTheLimitIsRefusedBeforeAnythingIsTouched) {
  const auto file = open("x");
  ASSERT_TRUE(write(*file, 900, 0));
  const uint64_t sites = disk_.write_sites();
  for (const Status& refused :
       {write(*file, 200, 850), sim::run(executor_, file->allocate(1001)),
        sim::run(executor_, file->truncate(1001)), write(*open("y"), 101, 0)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
    EXPECT_NE(refused.error().message.find("segments"), std::string::npos);
  }
  EXPECT_EQ(disk_.write_sites(), sites + 1);  // the creation of y
  EXPECT_EQ(disk_.used_bytes(), 900u);
  EXPECT_EQ(quota_.used_bytes(), 900u);
  EXPECT_TRUE(write(*file, 900, 0)) << "an overwrite grows nothing";
  EXPECT_TRUE(write(*file, 100, 900)) << "up to the limit is allowed";
}

TEST_F(QuotaFileSystemTest, RemovingAndCuttingGiveSpaceBack) {
  auto file = open("x");
  ASSERT_TRUE(write(*file, 1000, 0));
  ASSERT_TRUE(sim::run(executor_, file->truncate(300)));
  EXPECT_EQ(quota_.used_bytes(), 300u);
  ASSERT_TRUE(remove("x"));
  EXPECT_EQ(quota_.used_bytes(), 300u) << "still open";
  file.reset();
  EXPECT_EQ(quota_.used_bytes(), 0u);
}

TEST_F(QuotaFileSystemTest, FileWithTwoNamesCountsOnce) {
  ASSERT_TRUE(write(*open("tmp"), 400, 0));
  ASSERT_TRUE(sim::run(executor_, quota_.link("tmp", "key")));
  EXPECT_EQ(quota_.used_bytes(), 400u);
  ASSERT_TRUE(remove("tmp"));
  EXPECT_EQ(quota_.used_bytes(), 400u);
  ASSERT_TRUE(remove("key"));
  EXPECT_EQ(quota_.used_bytes(), 0u);
}

TEST_F(QuotaFileSystemTest, LimitCanBeMovedWhileRunning) {
  const auto file = open("x");
  ASSERT_TRUE(write(*file, 800, 0));
  quota_.set_limit(500);
  EXPECT_FALSE(write(*file, 1, 800));
  EXPECT_TRUE(write(*file, 800, 0));
  EXPECT_EQ(quota_.free_bytes().value(), 0u);
  quota_.set_limit(2000);
  EXPECT_TRUE(write(*file, 1200, 800));
}

TEST_F(QuotaFileSystemTest, MeasureCountsEverythingBelow) {
  ASSERT_TRUE(sim::run(executor_, disk_.make_directories("a/b")));
  ASSERT_TRUE(write(*open("a/x"), 100, 0));
  ASSERT_TRUE(write(*open("a/b/y"), 200, 0));
  ASSERT_TRUE(write(*open("elsewhere"), 50, 0));
  QuotaFileSystem next(disk_, "next", 1000, 0);
  ASSERT_TRUE(sim::run(executor_, next.measure({"a"})));
  EXPECT_EQ(next.used_bytes(), 300u);
  ASSERT_TRUE(sim::run(executor_, next.remove("a/b/y")));
  EXPECT_EQ(next.used_bytes(), 100u) << "the size of a file never opened is found out";
}

TEST_F(QuotaFileSystemTest, FailedWriteIsCountedAsItEnded) {
  const auto file = open("x");
  ASSERT_TRUE(write(*file, 100, 0));
  disk_.fail_write_site(disk_.write_sites(), /*for_ever=*/false);
  EXPECT_FALSE(write(*file, 500, 100));
  EXPECT_EQ(quota_.used_bytes(), 100u);
}

TEST_F(QuotaFileSystemTest, OnAFullDiskTheReserveServesUpkeepOfAnySizeAndNeverData) {
  quota_.set_limit(UINT64_MAX);
  disk_.set_capacity(1'000'000);
  ASSERT_TRUE(sim::run(executor_, quota_.keep_reserve(executor_, "reserve", 600'000)));
  EXPECT_EQ(disk_.used_bytes(), 600'000u) << "the space is taken, not only planned";
  const auto data = open("data");
  const auto metadata = open_for_upkeep("metadata");
  ASSERT_TRUE(write(*data, 400'000, 0));
  EXPECT_EQ(write(*data, 1, 400'000).error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(quota_.has_reserve());
  ASSERT_TRUE(write(*metadata, 500'000, 0));
  EXPECT_FALSE(quota_.has_reserve());
  EXPECT_EQ(write(*data, 1, 400'000).error().code, ErrorCode::kNoSpace)
      << "what is left of the reserve is not for data";
  EXPECT_TRUE(write(*metadata, 100'000, 500'000));
  EXPECT_EQ(write(*metadata, 1, 600'000).error().code, ErrorCode::kNoSpace);
}

TEST_F(QuotaFileSystemTest, TheReserveIsMadeAgainBeforeDataGrows) {
  const auto data = open_beside_a_used_reserve();
  ASSERT_TRUE(sim::run(executor_, data->truncate(650)));
  EXPECT_FALSE(write(*data, 10, 650)) << "50 bytes of the reserve are missing";
  ASSERT_TRUE(sim::run(executor_, data->truncate(500)));
  ASSERT_TRUE(write(*data, 100, 500));
  EXPECT_TRUE(quota_.has_reserve());
  EXPECT_EQ(disk_.used_bytes(), 1000u);
}

TEST_F(QuotaFileSystemTest, AReserveThatCouldNotBeSyncedIsMadeAgainWithTheNextGrowth) {
  const auto data = open_beside_a_used_reserve();
  ASSERT_TRUE(sim::run(executor_, data->truncate(0)));
  disk_.fail_next_sync();
  EXPECT_FALSE(write(*data, 100, 0));
  EXPECT_FALSE(quota_.has_reserve());
  EXPECT_TRUE(write(*data, 100, 0));
  EXPECT_TRUE(quota_.has_reserve());
}

TEST_F(QuotaFileSystemTest, AFullDiskGoesOnWithoutAReserve) {
  quota_.set_limit(UINT64_MAX);
  disk_.set_capacity(100);
  ASSERT_TRUE(sim::run(executor_, quota_.keep_reserve(executor_, "reserve", 300)));
  EXPECT_FALSE(quota_.has_reserve());
  EXPECT_EQ(write(*open("data"), 50, 0).error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(write(*open_for_upkeep("metadata"), 50, 0));
}

TEST_F(QuotaFileSystemTest, PastTheLimitUpkeepMayUseAsMuchAsTheReserve) {
  ASSERT_TRUE(sim::run(executor_, quota_.keep_reserve(executor_, "reserve", 300)));
  ASSERT_TRUE(write(*open("data"), 1000, 0));
  const auto metadata = open_for_upkeep("metadata");
  EXPECT_TRUE(write(*metadata, 300, 0));
  EXPECT_FALSE(write(*metadata, 1, 300));
}

TEST_F(QuotaFileSystemTest, CountsWhatTheDiskHoldsThroughAnyOperations) {
  quota_.set_limit(20000);
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  const auto any = [&] { return names[random_.below(names.size())]; };
  size_t refused = 0;
  for (int round = 0; round < 3000; ++round) {
    switch (random_.below(7)) {
      case 0: (void)remove(any()); break;
      case 1: (void)sim::run(executor_, quota_.rename(any(), any())); break;
      case 2: (void)sim::run(executor_, quota_.link(any(), any())); break;
      case 3: (void)sim::run(executor_, open(any())->truncate(random_.below(9000))); break;
      case 4: (void)sim::run(executor_, open(any())->allocate(random_.below(9000))); break;
      default: {
        const auto file = open(any());
        if (random_.below(10) == 0) disk_.fail_write_site(disk_.write_sites(), false);
        refused += write(*file, random_.below(3000), random_.below(9000)) ? 0 : 1;
        disk_.fail_write_site(UINT64_MAX, false);
      }
    }
    ASSERT_EQ(quota_.used_bytes(), disk_.used_bytes()) << round;
    ASSERT_LE(quota_.used_bytes(), 20000u);
  }
  EXPECT_GT(refused, 10u);
}

}  // namespace
}  // namespace thalweg::base
