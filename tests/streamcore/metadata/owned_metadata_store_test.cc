#include "streamcore/metadata/owned_metadata_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/metadata/test_bucket.h"

namespace thalweg::metadata {
namespace {

using sim::run;
using namespace std::chrono_literals;

class OwnedMetadataStoreTest : public testing::Test {
 protected:
  // A process that is the owner, with its own copy of what the log in the bucket says.
  struct Owner {
    explicit Owner(OwnedMetadataStoreTest& test)
        : executor(test.executor_),
          client(executor, test.bucket_),
          log(*run(executor, ObjectLogMetadataStore::open(executor, client, test.random_, {}))),
          lease({executor, test.clock_, test.random_, *log}, "an owner", {.length = 3s}),
          rows(*log, lease, {log.get(), {"own/"}}) {
      EXPECT_TRUE(run(executor, lease.acquire()).has_value());
    }
    ~Owner() {
      run(executor, lease.stop_and_join());
      run(executor, log->stop());
    }
    bool set(std::string key, std::string value) {
      return run(executor, rows.commit(Transaction().set(key, value))).has_value();
    }
    std::optional<std::string> get(std::string key) {
      const auto found = run(executor, rows.get(std::move(key)));
      EXPECT_TRUE(found.has_value());
      return found.value_or(std::nullopt);
    }
    sim::SimExecutor& executor;
    BucketClient client;
    std::unique_ptr<ObjectLogMetadataStore> log;
    Lease lease;
    OwnedMetadataStore rows;
  };

  // How many requests the bucket gets meanwhile.
  template <class Call>
  uint64_t requests(Call&& call) {
    const uint64_t before = bucket_.requests;
    call();
    return bucket_.requests - before;
  }

  sim::SimExecutor executor_;
  sim::SimClock clock_{executor_};
  base::SeededRandom random_{3};
  Bucket bucket_{4};
};

TEST_F(OwnedMetadataStoreTest, ItsOwnRowsAreReadWithoutALookWhileTheLeaseHolds) {
  Owner owner(*this);
  ASSERT_TRUE(owner.set("own/a", "1") && owner.set("own/b", "2") && owner.set("other", "3"));
  EXPECT_EQ(requests([&] {
              EXPECT_EQ(owner.get("own/a"), "1");
              EXPECT_EQ(owner.get("own/c"), std::nullopt);
              EXPECT_EQ(run(executor_, owner.rows.scan("own/", "own/a", 9))->size(), 1u);
            }),
            0u);
  EXPECT_GT(requests([&] { EXPECT_EQ(owner.get("other"), "3"); }), 0u);
}

TEST_F(OwnedMetadataStoreTest, WhatAnotherOwnerWroteIsSeenOnceTheLeaseHasLapsed) {
  Owner first(*this);
  ASSERT_TRUE(first.set("own/a", "1"));
  executor_.run_for(1min);
  Owner second(*this);
  ASSERT_TRUE(second.set("own/a", "2"));
  EXPECT_EQ(first.get("own/a"), "2");
  executor_.run_for(100ms);
  base::expect_error_line("another owner has taken over");
}

TEST_F(OwnedMetadataStoreTest, WhoReadsAfterTheLeaseHasLapsedHasItRenewed) {
  Owner owner(*this);
  ASSERT_TRUE(owner.set("own/a", "1"));
  executor_.run_for(1min);
  EXPECT_GT(requests([&] { EXPECT_EQ(owner.get("own/a"), "1"); }), 0u);
  executor_.run_for(100ms);
  EXPECT_EQ(requests([&] { EXPECT_EQ(owner.get("own/a"), "1"); }), 0u);
}

}  // namespace
}  // namespace thalweg::metadata
