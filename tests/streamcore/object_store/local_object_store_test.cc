#include "streamcore/object_store/local_object_store.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "streamcore/base/task_group.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::object_store {
namespace {

using base::ErrorCode;

// A simulated disk and the process on it; crash() cuts the power and starts the next process.
class Machine {
 public:
  explicit Machine(uint64_t seed)
      : random_(seed), executor_(new sim::SimExecutor), disk_(*executor_, random_) {
    open();
  }

  sim::SimFileSystem& disk() { return disk_; }
  sim::SimExecutor& executor() { return *executor_; }
  base::Random& random() { return random_; }
  LocalObjectStore& store() { return *store_; }

  void open() {
    auto opened = sim::run(*executor_, LocalObjectStore::open(disk_, *executor_, random_));
    CHECK_MSG(opened.has_value(), opened ? "" : opened.error().message);
    store_ = std::move(*opened);
  }
  void crash() {
    store_.reset();
    disk_.crash(random_);
    executor_ = std::make_unique<sim::SimExecutor>();
    disk_.attach(*executor_);
    open();
  }
  base::Result<PutOutcome> put(std::string key, std::string_view text) {
    return sim::run(*executor_, store_->put_if_absent(std::move(key), {base::as_bytes(text)}));
  }
  std::optional<std::string> get(std::string key) {
    const auto got = sim::run(*executor_, store_->get(std::move(key), std::nullopt));
    if (!got) return std::nullopt;
    return std::string(base::as_chars(got->bytes));
  }
  size_t temporaries() {
    size_t count = 0;
    const auto names = sim::run(*executor_, disk_.list("tmp"));
    for (const std::string& name : *names) count += name.ends_with(".lock") ? 0 : 1;
    return count;
  }

 private:
  base::SeededRandom random_;
  std::unique_ptr<sim::SimExecutor> executor_;
  sim::SimFileSystem disk_;
  std::unique_ptr<LocalObjectStore> store_;
};

std::string text_of(const std::string& key) {
  return key + std::string(key.size() * 377 % 5000, '=') + key;
}

// What clients were told before the crash.
struct Answers {
  std::set<std::string> present;  // created, exists, or read
};

base::Task<void> write_keys(Machine& machine, std::vector<std::string> keys, Answers* answers) {
  for (const std::string& key : keys) {
    const std::string text = text_of(key);
    const size_t half = text.size() / 2;
    std::vector<base::ByteView> parts{base::as_bytes(text).first(half),
                                      base::as_bytes(text).subspan(half)};
    const auto outcome = co_await machine.store().put_if_absent(key, std::move(parts));
    if (outcome) answers->present.insert(key);
  }
}

base::Task<void> read_keys(Machine& machine, std::vector<std::string> keys, Answers* answers) {
  for (int round = 0; round < 3; ++round) {
    for (const std::string& key : keys) {
      const auto got = co_await machine.store().get(key, std::nullopt);
      if (!got) continue;
      CHECK(base::as_chars(got->bytes) == text_of(key));
      answers->present.insert(key);
    }
    const auto page = co_await machine.store().list("", "");
    if (!page) continue;
    for (const ObjectInfo& object : page->objects) answers->present.insert(object.key);
  }
}

TEST(LocalObjectStore, CrashKeepsWhatWasAnsweredAndNeverLeavesAPart) {
  const std::vector<std::string> keys = {"a", "a/b", "c/d/e", "c/d/f", "c/g", "h"};
  size_t answered = 0;
  size_t lost = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Machine machine(seed);
    Answers answers;
    {
      base::TaskGroup group(machine.executor());
      machine.executor().stop_at_step(machine.executor().steps() + machine.random().below(160));
      group.spawn(write_keys(machine, keys, &answers));
      group.spawn(write_keys(machine, {keys.rbegin(), keys.rend()}, &answers));
      group.spawn(read_keys(machine, keys, &answers));
      machine.executor().run_until_idle();
    }
    machine.crash();
    answered += answers.present.size();
    for (const std::string& key : keys) {
      const auto text = machine.get(key);
      if (answers.present.contains(key)) ASSERT_TRUE(text.has_value()) << seed << " " << key;
      if (text) ASSERT_TRUE(*text == text_of(key)) << seed << " " << key;
      if (!text) ++lost;
    }
    ASSERT_EQ(machine.temporaries(), 0u) << seed;
  }
  EXPECT_GT(answered, 100u);
  EXPECT_GT(lost, 100u);
}

TEST(LocalObjectStore, WhatIsReadOrListedWhileItsPutGoesOnSurvivesAPowerCut) {
  size_t read_early = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Machine machine(seed);
    Answers put;
    Answers seen;
    {
      base::TaskGroup group(machine.executor());
      group.spawn(write_keys(machine, {"x/y"}, &put));
      while (!machine.disk().exists("objects/x/y@")) ASSERT_TRUE(machine.executor().step());
      const bool by_list = seed % 2 == 0;
      group.spawn(read_keys(
          machine, by_list ? std::vector<std::string>{} : std::vector<std::string>{"x/y"}, &seen));
      while (seen.present.empty() && put.present.empty()) ASSERT_TRUE(machine.executor().step());
    }
    machine.crash();
    if (!seen.present.empty() && put.present.empty()) ++read_early;
    ASSERT_TRUE(machine.get("x/y").has_value()) << seed;
  }
  EXPECT_GT(read_early, 20u);
}

TEST(LocalObjectStore, WhatIsReadAfterAProcessDiedSurvivesAPowerCut) {
  size_t seen = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Machine machine(seed);
    Answers ignored;
    {
      base::TaskGroup group(machine.executor());
      machine.executor().stop_at_step(machine.executor().steps() + machine.random().below(60));
      group.spawn(write_keys(machine, {"x/y", "x/z"}, &ignored));
      machine.executor().run_until_idle();
    }
    // The process dies, the machine goes on.
    machine.executor().stop_at_step(UINT64_MAX);
    machine.disk().attach(machine.executor());
    machine.open();
    const bool y = machine.get("x/y").has_value();
    const bool z = machine.get("x/z").has_value();
    machine.crash();
    if (y) ASSERT_TRUE(machine.get("x/y").has_value()) << seed;
    if (z) ASSERT_TRUE(machine.get("x/z").has_value()) << seed;
    seen += (y ? 1 : 0) + (z ? 1 : 0);
  }
  EXPECT_GT(seen, 50u);
}

TEST(LocalObjectStore, NoSpaceAtAnyWriteSiteCreatesNothingOrEverything) {
  uint64_t refused = 0;
  for (uint64_t site = 0; site < 8; ++site) {
    Machine machine(site);
    machine.disk().fail_write_site(machine.disk().write_sites() + site, /*for_ever=*/true);
    const auto outcome = machine.put("a/b", text_of("a/b"));
    if (outcome) {
      EXPECT_EQ(machine.get("a/b"), text_of("a/b"));
      continue;
    }
    ++refused;
    EXPECT_EQ(outcome.error().code, ErrorCode::kNoSpace) << outcome.error().message;
    EXPECT_EQ(machine.get("a/b"), std::nullopt);
    EXPECT_EQ(machine.temporaries(), 0u);
    machine.disk().fail_write_site(UINT64_MAX, false);
    EXPECT_EQ(machine.put("a/b", text_of("a/b")).value(), PutOutcome::kCreated);
  }
  EXPECT_EQ(refused, 4u);  // the file, its bytes, the directory, the link
}

TEST(LocalObjectStore, FullDiskStillOpensAndReads) {
  Machine machine(1);
  ASSERT_TRUE(machine.put("a/b", "x").has_value());
  machine.disk().set_full(true);
  machine.crash();
  EXPECT_EQ(machine.get("a/b"), "x");
  EXPECT_EQ(machine.put("a/c", "y").error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(sim::run(machine.executor(), machine.store().remove("a/b")).has_value());
}

TEST(LocalObjectStore, FailedSyncOfAnObjectIsUnknownAndLeavesNothing) {
  Machine machine(1);
  machine.disk().fail_next_sync();
  EXPECT_EQ(machine.put("a", "x").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(machine.get("a"), std::nullopt);
  EXPECT_EQ(machine.put("a", "x").value(), PutOutcome::kCreated);
}

TEST(LocalObjectStore, AFailedSyncOfADirectoryEndsTheStoreWithOneErrorLine) {
  Machine machine(1);
  ASSERT_TRUE(machine.put("a", "x").has_value());
  machine.disk().fail_next_directory_sync();
  EXPECT_EQ(machine.put("b", "y").error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(machine.put("c", "z").error().code, ErrorCode::kClosed);
  EXPECT_EQ(machine.put("b", "y").error().code, ErrorCode::kClosed);
  EXPECT_EQ(sim::run(machine.executor(), machine.store().get("b", std::nullopt)).error().code,
            ErrorCode::kClosed);
  EXPECT_EQ(sim::run(machine.executor(), machine.store().list("", "")).error().code,
            ErrorCode::kClosed);
  EXPECT_EQ(machine.get("a"), "x");  // vouched for before
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kError, "object store ended"), 1);
  machine.crash();
  EXPECT_EQ(machine.put("c", "z").value(), PutOutcome::kCreated);
}

TEST(LocalObjectStore, LeavesTheTemporariesOfALivingProcessAlone) {
  Machine machine(1);
  Answers answers;
  base::TaskGroup group(machine.executor());
  group.spawn(write_keys(machine, {"a"}, &answers));
  while (machine.temporaries() == 0) ASSERT_TRUE(machine.executor().step());
  auto second =
      sim::run(machine.executor(),
               LocalObjectStore::open(machine.disk(), machine.executor(), machine.random()));
  ASSERT_TRUE(second.has_value());
  machine.executor().run_until_idle();
  EXPECT_TRUE(answers.present.contains("a"));
  EXPECT_EQ(sim::run(machine.executor(), (*second)->put_if_absent("a", {})).value(),
            PutOutcome::kExists);
}

TEST(LocalObjectStore, AsManyProcessesAsThereAreSlots) {
  Machine machine(1);
  std::vector<std::unique_ptr<LocalObjectStore>> stores;
  const auto open_another = [&] {
    return sim::run(machine.executor(),
                    LocalObjectStore::open(machine.disk(), machine.executor(), machine.random()));
  };
  for (unsigned i = 1; i < kProcessesMax; ++i) stores.push_back(std::move(*open_another()));
  EXPECT_EQ(open_another().error().code, ErrorCode::kUnavailable);
  stores.pop_back();
  EXPECT_TRUE(open_another().has_value());
}

TEST(LocalObjectStore, ReadErrorIsUnavailable) {
  Machine machine(1);
  ASSERT_TRUE(machine.put("a", "x").has_value());
  machine.disk().fail_next_read();
  const auto got = sim::run(machine.executor(), machine.store().get("a", std::nullopt));
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
}

TEST(LocalObjectStore, ReadsOfTheUsualSizeReuseMemoryThatNobodyHolds) {
  Machine machine(7);
  const std::string a(size_t{4} << 20, 'a');
  const std::string b(size_t{4} << 20, 'b');
  ASSERT_TRUE(machine.put("a", a) && machine.put("b", b));
  const auto get = [&](const char* key) {
    return sim::run(machine.executor(), machine.store().get(key, std::nullopt)).value();
  };
  const std::byte* first = nullptr;
  {
    const base::Slice held = get("a");
    first = held.bytes.data();
    const base::Slice other = get("b");
    EXPECT_NE(other.bytes.data(), first);
    EXPECT_EQ(base::as_chars(held.bytes), a);
    EXPECT_EQ(base::as_chars(other.bytes), b);
  }
  const base::Slice again = get("b");
  const base::Slice next = get("b");
  EXPECT_TRUE(again.bytes.data() == first || next.bytes.data() == first);
  EXPECT_EQ(base::as_chars(again.bytes), b);
  machine.crash();  // the store goes, what was read stays
  EXPECT_EQ(base::as_chars(again.bytes), b);
}

}  // namespace
}  // namespace thalweg::object_store
