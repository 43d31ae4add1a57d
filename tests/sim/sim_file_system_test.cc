#include "tests/sim/sim_file_system.h"

#include <gtest/gtest.h>

#include <set>

#include "streamcore/base/task_group.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::sim {
namespace {

using base::ErrorCode;

constexpr int kSeeds = 300;

std::string text_of_sector(char c) { return std::string(kSectorBytes, c); }

// A disk and the process that uses it, restarted by crash().
class Machine {
 public:
  explicit Machine(uint64_t seed)
      : random_(seed), executor_(new SimExecutor), disk_(*executor_, random_) {}

  SimFileSystem& disk() { return disk_; }
  SimExecutor& executor() { return *executor_; }
  base::Random& random() { return random_; }

  std::unique_ptr<base::File> open(std::string path) {
    auto file = run(*executor_, disk_.open(std::move(path), {.create = true}));
    CHECK(file.has_value());
    return std::move(*file);
  }
  base::Status write(base::File& file, std::string_view text, uint64_t offset, bool sync) {
    return run(*executor_, file.write_at({base::as_bytes(text)}, offset, sync));
  }
  base::Status sync(base::File& file) { return run(*executor_, file.sync()); }
  base::Status sync_directory(std::string path) {
    return run(*executor_, disk_.sync_directory(std::move(path)));
  }
  void crash() {
    disk_.crash(random_);
    executor_ = std::make_unique<SimExecutor>();
    disk_.attach(*executor_);
  }

 private:
  base::SeededRandom random_;
  std::unique_ptr<SimExecutor> executor_;
  SimFileSystem disk_;
};

TEST(SimFileSystem, UnsyncedSectorsAreLostKeptAndTorn) {
  std::set<std::string> seen;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    auto file = machine.open("x");
    ASSERT_TRUE(machine.write(*file, text_of_sector('a') + text_of_sector('a'), 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    ASSERT_TRUE(machine.write(*file, text_of_sector('b') + text_of_sector('b'), 0, false));
    machine.crash();
    const std::string content = machine.disk().content("x");
    ASSERT_EQ(content.size(), 2 * kSectorBytes);
    for (size_t i = 0; i < content.size(); ++i) {
      ASSERT_EQ(content[i], content[i / kSectorBytes * kSectorBytes]) << "a torn sector";
    }
    seen.insert({content.front(), content.back()});
  }
  EXPECT_EQ(seen, (std::set<std::string>{"aa", "ab", "ba", "bb"}));
}

TEST(SimFileSystem, UnsyncedGrowthLeavesAnyPartOfIt) {
  std::set<size_t> sizes;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    auto file = machine.open("x");
    ASSERT_TRUE(machine.write(*file, "head", 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    ASSERT_TRUE(machine.write(*file, std::string(2000, 'b'), 4, false));
    machine.crash();
    const std::string content = machine.disk().content("x");
    sizes.insert(content.size());
    ASSERT_EQ(content.substr(0, 4), "head");
    for (const char c : content.substr(4)) ASSERT_TRUE(c == 'b' || c == '\0');
  }
  EXPECT_TRUE(sizes.contains(4));
  EXPECT_TRUE(sizes.contains(2004));
  EXPECT_GT(sizes.size(), 3u);
}

TEST(SimFileSystem, SyncedContentSurvivesEveryCrash) {
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    std::string durable(32 * kSectorBytes, '\0');
    std::unique_ptr<base::File> file = machine.open("x");
    ASSERT_TRUE(machine.write(*file, durable, 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    for (int round = 0; round < 20; ++round) {
      const uint64_t offset = machine.random().below(durable.size() - 3000);
      const std::string text(1 + machine.random().below(3000), static_cast<char>('a' + round));
      ASSERT_TRUE(machine.write(*file, text, offset, true));
      durable.replace(offset, text.size(), text);
    }
    file.reset();
    machine.crash();
    ASSERT_EQ(machine.disk().content("x"), durable) << seed;
  }
}

TEST(SimFileSystem, SyncedFileWithoutASyncedNameMayVanish) {
  std::set<bool> kept;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(machine.write(*machine.open("x"), "data", 0, true));
    machine.crash();
    kept.insert(machine.disk().exists("x"));
    if (machine.disk().exists("x")) ASSERT_EQ(machine.disk().content("x"), "data");
  }
  EXPECT_EQ(kept.size(), 2u);
}

TEST(SimFileSystem, SyncedNameOfASyncedFileNeverVanishes) {
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(run(machine.executor(), machine.disk().make_directories("a/b")));
    ASSERT_TRUE(machine.write(*machine.open("a/x"), "data", 0, true));
    ASSERT_TRUE(run(machine.executor(), machine.disk().link("a/x", "a/b/y")));
    ASSERT_TRUE(machine.sync_directory("a/b"));
    ASSERT_TRUE(run(machine.executor(), machine.disk().remove("a/x")));
    machine.crash();
    ASSERT_TRUE(machine.disk().exists("a/b/y")) << seed;
    ASSERT_EQ(machine.disk().content("a/b/y"), "data");
  }
}

TEST(SimFileSystem, RenameSurvivesWholeOrNotAtAll) {
  std::set<bool> renamed;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(machine.write(*machine.open("old"), "1", 0, true));
    ASSERT_TRUE(machine.write(*machine.open("new"), "2", 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    ASSERT_TRUE(run(machine.executor(), machine.disk().rename("old", "new")));
    machine.crash();
    const bool done = !machine.disk().exists("old");
    ASSERT_EQ(machine.disk().content("new"), done ? "1" : "2");
    renamed.insert(done);
  }
  EXPECT_EQ(renamed.size(), 2u);
}

base::Task<void> write_and_note(base::File& file, std::string text, uint64_t offset, bool sync) {
  CHECK((co_await file.write_at({base::as_bytes(text)}, offset, sync)).has_value());
}

TEST(SimFileSystem, SyncDoesNotCoverAWriteStillInFlight) {
  std::set<bool> kept;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    auto file = machine.open("x");
    ASSERT_TRUE(machine.write(*file, text_of_sector('-') + text_of_sector('-'), 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    {
      base::TaskGroup group(machine.executor());
      group.spawn(write_and_note(*file, text_of_sector('a'), 0, false));
      ASSERT_TRUE(machine.write(*file, text_of_sector('b'), kSectorBytes, true));
    }
    machine.crash();
    ASSERT_EQ(machine.disk().content("x").back(), 'b');
    kept.insert(machine.disk().content("x").front() == 'a');
  }
  EXPECT_EQ(kept.size(), 2u);
}

TEST(SimFileSystem, ContentAfterAFailedSyncMayBeLostThoughALaterSyncSucceeds) {
  std::set<bool> kept;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Machine machine(seed);
    auto file = machine.open("x");
    ASSERT_TRUE(machine.write(*file, "old", 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    ASSERT_TRUE(machine.write(*file, "new", 0, false));
    machine.disk().fail_next_sync();
    const auto failed = machine.sync(*file);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(machine.sync(*file)) << "the file remembers";
    ASSERT_TRUE(machine.sync(*machine.open("x")));
    machine.crash();
    kept.insert(machine.disk().content("x") == "new");
  }
  EXPECT_EQ(kept.size(), 2u);
}

TEST(SimFileSystem, AllocatedSpaceReadsZeroAfterACrash) {
  Machine machine(1);
  auto file = machine.open("x");
  ASSERT_TRUE(run(machine.executor(), file->allocate(5000)));
  ASSERT_TRUE(machine.sync(*file));
  ASSERT_TRUE(machine.sync_directory(""));
  machine.crash();
  EXPECT_EQ(machine.disk().content("x"), std::string(5000, '\0'));
}

TEST(SimFileSystem, TruncatedTailReadsZeroWhenTheFileGrowsAgain) {
  for (int seed = 0; seed < 50; ++seed) {
    Machine machine(seed);
    auto file = machine.open("x");
    ASSERT_TRUE(machine.write(*file, std::string(3000, 'a'), 0, true));
    ASSERT_TRUE(machine.sync_directory(""));
    ASSERT_TRUE(run(machine.executor(), file->truncate(700)));
    ASSERT_TRUE(run(machine.executor(), file->allocate(3000)));
    ASSERT_TRUE(machine.sync(*file));
    machine.crash();
    EXPECT_EQ(machine.disk().content("x"), std::string(700, 'a') + std::string(2300, '\0'));
  }
}

TEST(SimFileSystem, CapacityRefusesGrowthAndRemovalGivesItBack) {
  Machine machine(1);
  machine.disk().set_capacity(1000);
  auto file = machine.open("x");
  ASSERT_TRUE(machine.write(*file, std::string(900, 'a'), 0, false));
  const auto refused = machine.write(*file, std::string(200, 'b'), 900, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(machine.write(*file, std::string(900, 'c'), 0, false)) << "no growth";
  EXPECT_EQ(machine.disk().free_bytes().value(), 100u);
  ASSERT_TRUE(run(machine.executor(), machine.disk().remove("x")));
  EXPECT_EQ(machine.disk().free_bytes().value(), 1000u);
}

TEST(SimFileSystem, FullDiskTakesOverwritesAndNothingNew) {
  Machine machine(1);
  auto file = machine.open("x");
  ASSERT_TRUE(machine.write(*file, "1234", 0, true));
  machine.disk().set_full(true);
  EXPECT_TRUE(machine.write(*file, "5678", 0, true));
  EXPECT_FALSE(machine.write(*file, "9", 4, true));
  const auto created = run(machine.executor(), machine.disk().open("y", {.create = true}));
  ASSERT_FALSE(created.has_value());
  EXPECT_EQ(created.error().code, ErrorCode::kNoSpace);
}

TEST(SimFileSystem, ChosenWriteSiteFailsOnce) {
  Machine machine(1);
  auto file = machine.open("x");
  machine.disk().fail_write_site(machine.disk().write_sites() + 1, /*for_ever=*/false);
  EXPECT_TRUE(machine.write(*file, "1", 0, false));
  EXPECT_EQ(machine.write(*file, "2", 1, false).error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(machine.write(*file, "3", 1, false));
  EXPECT_EQ(machine.disk().content("x"), "13");
}

TEST(SimFileSystem, LocksDieWithTheirProcess) {
  Machine machine(1);
  auto lock = machine.disk().lock("lock");
  ASSERT_TRUE(lock.has_value());
  EXPECT_EQ(machine.disk().lock("lock").error().code, ErrorCode::kAlreadyExists);
  machine.crash();
  auto next = machine.disk().lock("lock");
  ASSERT_TRUE(next.has_value());
  lock->reset();
  EXPECT_FALSE(machine.disk().lock("lock").has_value()) << "a dead lock frees nothing";
}

TEST(SimFileSystem, ScanTellsFilesFromDirectories) {
  Machine machine(1);
  ASSERT_TRUE(run(machine.executor(), machine.disk().make_directories("a/b")));
  ASSERT_TRUE(machine.write(*machine.open("a/c"), "123", 0, false));
  const auto entries = run(machine.executor(), machine.disk().scan("a")).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_TRUE(entries[0].is_directory);
  EXPECT_EQ(entries[1].size, 3u);
  EXPECT_EQ(run(machine.executor(), machine.disk().list("")).value(),
            std::vector<std::string>{"a"});
  EXPECT_TRUE(run(machine.executor(), machine.disk().list("missing")).value().empty());
}

// What a disk looks like after a fixed workload, cut off at `step`, and a crash.
std::string survivors(uint64_t seed, uint64_t step) {
  Machine machine(seed);
  machine.executor().stop_at_step(step);
  std::vector<std::unique_ptr<base::File>> files;
  {
    base::TaskGroup group(machine.executor());
    for (const char* name : {"a", "b", "c"}) {
      auto file = try_run(machine.executor(), machine.disk().open(name, {.create = true}));
      if (!file.has_value()) break;
      files.push_back(std::move(file->value()));
      for (int i = 0; i < 5; ++i) {
        group.spawn(write_and_note(*files.back(), std::string(1500, static_cast<char>('a' + i)),
                                   machine.random().below(4000), i % 2 == 0));
      }
    }
    machine.executor().run_until_idle();
  }
  files.clear();
  machine.crash();
  std::string all;
  for (const char* name : {"a", "b", "c"}) {
    all += machine.disk().exists(name) ? machine.disk().content(name) : "-";
    all += '|';
  }
  return all;
}

TEST(SimFileSystem, SameSeedLeavesTheSameSurvivors) {
  std::set<std::string> different;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const uint64_t step : {3u, 12u, 20u, 1000u}) {
      const std::string once = survivors(seed, step);
      ASSERT_EQ(once, survivors(seed, step)) << seed << " " << step;
      different.insert(once);
    }
  }
  EXPECT_GT(different.size(), 20u);
}

}  // namespace
}  // namespace thalweg::sim
