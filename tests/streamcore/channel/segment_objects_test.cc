#include "streamcore/channel/segment_objects.h"

#include <gtest/gtest.h>

#include "streamcore/channel/row_keys.h"
#include "streamcore/metadata/memory_metadata_store.h"
#include "streamcore/object_store/memory_object_store.h"
#include "streamcore/segment/segment_format.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::channel {
namespace {

using base::ErrorCode;
using sim::run;

class SegmentObjectsTest : public testing::Test {
 protected:
  SegmentObjectsTest() {
    options_.delete_grace_ms = 1000;
    options_.destroyed_row_keep_ms = 5000;
    commit(metadata::Transaction().set("channel", "mine"));
  }

  void commit(metadata::Transaction transaction) {
    const base::Status done = run(executor_, metadata_.commit(std::move(transaction)));
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  ObjectId prepare_one() { return run(executor_, objects_.prepare(owner_, 1))->front(); }
  void upload(ObjectId id) {
    const auto put = run(
        executor_, store_.put_if_absent(segment::segment_key(id), {base::as_bytes("a segment")}));
    ASSERT_EQ(put, object_store::PutOutcome::kCreated);
  }
  bool uploaded(ObjectId id) {
    return run(executor_, store_.head(segment::segment_key(id))).has_value();
  }
  // An object as an offload leaves it.
  ObjectId committed(uint32_t ranges) {
    const ObjectId id = prepare_one();
    upload(id);
    metadata::Transaction transaction;
    objects_.commit(transaction, id, ranges);
    commit(std::move(transaction));
    return id;
  }
  void release(const SegmentObjects::Released& released) {
    metadata::Transaction transaction;
    ASSERT_TRUE(run(executor_, objects_.release(transaction, released)).has_value());
    commit(std::move(transaction));
  }
  std::optional<ObjectRow> row(ObjectId id) {
    auto bytes = *run(executor_, metadata_.get(object_row_key(id)));
    if (!bytes.has_value()) bytes = *run(executor_, metadata_.get(dying_row_key(id)));
    if (!bytes.has_value()) return std::nullopt;
    return *decode_object_row(*bytes);
  }
  void collect_after(base::Timestamp ms) {
    executor_.run_for(std::chrono::milliseconds(ms));
    ASSERT_TRUE(run(executor_, objects_.collect_garbage()).has_value());
  }

  sim::SimExecutor executor_;
  sim::SimClock clock_{executor_};
  metadata::MemoryMetadataStore metadata_{executor_};
  object_store::MemoryObjectStore store_{executor_};
  StreamStoreOptions options_;
  metadata::Condition owner_{"channel", "mine"};
  SegmentObjects objects_{executor_, clock_, store_, metadata_, options_};
};

TEST_F(SegmentObjectsTest, IdsArePreparedBeforeTheyAreGivenOut) {
  const auto ids = run(executor_, objects_.prepare(owner_, 3));
  ASSERT_TRUE(ids.has_value());
  ASSERT_EQ(ids->size(), 3u);
  for (const ObjectId id : *ids) EXPECT_EQ(row(id), ObjectRow{.state = ObjectState::kPrepared});
  EXPECT_GT(prepare_one(), ids->back());
}

TEST_F(SegmentObjectsTest, OnlyTheOwnerPrepares) {
  commit(metadata::Transaction().set("channel", "another's"));
  const auto ids = run(executor_, objects_.prepare(owner_, 1));
  ASSERT_FALSE(ids.has_value());
  EXPECT_EQ(ids.error().code, ErrorCode::kConditionFailed);
}

TEST_F(SegmentObjectsTest, AnObjectIsCommittedOnlyWhileItIsPrepared) {
  const ObjectId id = committed(2);
  EXPECT_EQ(
      row(id),
      (ObjectRow{.state = ObjectState::kCommitted, .live_ranges = 2, .since = clock_.wall_now()}));
  EXPECT_EQ(run(executor_, objects_.committed_at(id)), clock_.wall_now());
  metadata::Transaction again;
  objects_.commit(again, id, 2);
  EXPECT_EQ(run(executor_, metadata_.commit(std::move(again))).error().code,
            ErrorCode::kConditionFailed);
}

TEST_F(SegmentObjectsTest, LaterPartsOfASplitCommitAddRanges) {
  const ObjectId id = committed(2);
  metadata::Transaction more;
  const ObjectRow before = *row(id);
  EXPECT_EQ(SegmentObjects::commit_more(more, id, before, 3).live_ranges, 5u);
  commit(std::move(more));
  EXPECT_EQ(row(id)->live_ranges, 5u);
  metadata::Transaction stale;
  SegmentObjects::commit_more(stale, id, before, 3);
  EXPECT_FALSE(run(executor_, metadata_.commit(std::move(stale))).has_value());
}

TEST_F(SegmentObjectsTest, AnObjectLivesUntilItsLastRangeWent) {
  const ObjectId id = committed(3);
  release({{id, 2}});
  EXPECT_EQ(row(id)->live_ranges, 1u);
  collect_after(100'000);
  EXPECT_TRUE(uploaded(id));
  release({{id, 1}});
  EXPECT_EQ(row(id), (ObjectRow{.state = ObjectState::kDeleting, .since = clock_.wall_now()}));
}

TEST_F(SegmentObjectsTest, ADeletedObjectIsKeptForItsGrace) {
  const ObjectId id = committed(1);
  release({{id, 1}});
  collect_after(0);
  collect_after(999);
  EXPECT_TRUE(uploaded(id));
  EXPECT_TRUE(row(id).has_value());
  collect_after(1);
  EXPECT_FALSE(uploaded(id));
  EXPECT_FALSE(row(id).has_value());
}

TEST_F(SegmentObjectsTest, AWallClockThatJumpsEndsNoGrace) {
  const ObjectId id = committed(1);
  release({{id, 1}});
  collect_after(0);
  clock_.set_error(std::chrono::hours(10 * 365 * 24));
  collect_after(999);
  EXPECT_TRUE(uploaded(id));
}

TEST_F(SegmentObjectsTest, WhatWasDeletedUnderAWallClockThatWasAheadGoesAllTheSame) {
  clock_.set_error(std::chrono::hours(10 * 365 * 24));
  const ObjectId deleted = committed(1);
  release({{deleted, 1}});
  const ObjectId destroyed = prepare_one();
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  clock_.set_error({});
  collect_after(0);
  collect_after(1000);
  EXPECT_FALSE(uploaded(deleted));
  EXPECT_FALSE(row(deleted).has_value());
  EXPECT_TRUE(row(destroyed).has_value());
  collect_after(4000);
  EXPECT_FALSE(row(destroyed).has_value());
}

TEST_F(SegmentObjectsTest, ReleasingManyObjectsIsOneTransaction) {
  const ObjectId first = committed(1);
  const ObjectId second = committed(2);
  release({{first, 1}, {second, 1}});
  EXPECT_EQ(row(first)->state, ObjectState::kDeleting);
  EXPECT_EQ(row(second)->live_ranges, 1u);
}

TEST_F(SegmentObjectsTest, MoreReferencesThanThereAreWereTakenAwayByAnotherOwner) {
  const ObjectId id = committed(2);
  release({{id, 1}});
  metadata::Transaction stale;
  const base::Status released = run(executor_, objects_.release(stale, {{id, 2}}));
  ASSERT_FALSE(released.has_value());
  EXPECT_EQ(released.error().code, base::ErrorCode::kFenced);
}

TEST_F(SegmentObjectsTest, AReleaseThatLostARaceIsRefused) {
  const ObjectId id = committed(2);
  metadata::Transaction mine;
  ASSERT_TRUE(run(executor_, objects_.release(mine, {{id, 1}})).has_value());
  release({{id, 1}});
  EXPECT_FALSE(run(executor_, metadata_.commit(std::move(mine))).has_value());
  EXPECT_EQ(row(id)->live_ranges, 1u);
}

TEST_F(SegmentObjectsTest, StalePreparedObjectsAreDestroyedAndTheirRowsKept) {
  const ObjectId abandoned = prepare_one();
  upload(abandoned);
  const ObjectId never_uploaded = prepare_one();
  const ObjectId live = committed(1);
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  EXPECT_FALSE(uploaded(abandoned));
  EXPECT_EQ(row(abandoned)->state, ObjectState::kDestroyed);
  EXPECT_EQ(row(never_uploaded)->state, ObjectState::kDestroyed);
  EXPECT_EQ(row(live)->state, ObjectState::kCommitted);
  EXPECT_TRUE(uploaded(live));
}

TEST_F(SegmentObjectsTest, ADestroyedObjectCannotBeCommitted) {
  const ObjectId id = prepare_one();
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  metadata::Transaction late;
  objects_.commit(late, id, 1);
  EXPECT_EQ(run(executor_, metadata_.commit(std::move(late))).error().code,
            ErrorCode::kConditionFailed);
}

TEST_F(SegmentObjectsTest, AnUploadThatLandsAfterTheSweepIsCollected) {
  const ObjectId id = prepare_one();
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  upload(id);  // the dead owner's request arrives only now
  collect_after(4999);
  EXPECT_TRUE(row(id).has_value());
  collect_after(1);
  EXPECT_FALSE(uploaded(id));
  EXPECT_FALSE(row(id).has_value());
}

TEST_F(SegmentObjectsTest, AnIdUnderWhichNothingWasSentServesTheNextRunWithoutAWrite) {
  const ObjectId id = prepare_one();
  run(executor_, objects_.give_up(id, SegmentObjects::Upload::kNone, owner_));
  commit(metadata::Transaction().set("channel", "another's"));  // no transaction would pass
  EXPECT_EQ(prepare_one(), id);
  EXPECT_EQ(row(id), ObjectRow{.state = ObjectState::kPrepared});
}

TEST_F(SegmentObjectsTest, AnIdThatWasGivenUpBeforeASweepIsNotGivenOutAfterIt) {
  const ObjectId id = prepare_one();
  run(executor_, objects_.give_up(id, SegmentObjects::Upload::kNone, owner_));
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  EXPECT_GT(prepare_one(), id);
}

TEST_F(SegmentObjectsTest, WhatAFailedRunUploadedGoesAndItsIdNeverHasOtherContent) {
  const ObjectId id = prepare_one();
  SegmentObjects::Upload outcome{};
  ASSERT_TRUE(
      run(executor_, objects_.upload(id, {base::as_bytes("a segment")}, outcome)).has_value());
  ASSERT_EQ(outcome, SegmentObjects::Upload::kCreated);
  run(executor_, objects_.give_up(id, outcome, owner_));
  EXPECT_FALSE(uploaded(id));
  EXPECT_EQ(row(id)->state, ObjectState::kDestroyed);
  EXPECT_GT(prepare_one(), id);
}

TEST_F(SegmentObjectsTest, AnIdWhoseUploadMayYetLandIsDestroyedNotGivenOutAgain) {
  const ObjectId id = prepare_one();
  run(executor_, objects_.give_up(id, SegmentObjects::Upload::kUnknown, owner_));
  EXPECT_EQ(row(id)->state, ObjectState::kDestroyed);
  EXPECT_GT(prepare_one(), id);
}

TEST_F(SegmentObjectsTest, AnotherOwnerSweepsNothing) {
  const ObjectId id = prepare_one();
  upload(id);
  commit(metadata::Transaction().set("channel", "another's"));
  EXPECT_FALSE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  EXPECT_TRUE(uploaded(id));
  EXPECT_EQ(row(id)->state, ObjectState::kPrepared);
}

TEST_F(SegmentObjectsTest, MoreObjectsThanOneScanTakesAreAllSwept) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(run(executor_, objects_.prepare(owner_, 500)).has_value());
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  collect_after(5000);
  EXPECT_TRUE(run(executor_, metadata_.scan(std::string(kObjectRowPrefix), "", 1))->empty());
  EXPECT_TRUE(run(executor_, metadata_.scan(std::string(kDyingRowPrefix), "", 1))->empty());
}

TEST_F(SegmentObjectsTest, RowsOfTheDyingLieApartFromThoseOfTheLiving) {
  const ObjectId live = committed(1);
  const ObjectId released = committed(1);
  release({{released, 1}});
  prepare_one();
  ASSERT_TRUE(run(executor_, objects_.sweep_prepared({owner_})).has_value());
  const auto living = run(executor_, metadata_.scan(std::string(kObjectRowPrefix), "", 10));
  ASSERT_EQ(living->size(), 1u);
  EXPECT_EQ(living->front().key, object_row_key(live));
  EXPECT_EQ(run(executor_, metadata_.scan(std::string(kDyingRowPrefix), "", 10))->size(), 2u);
}

TEST_F(SegmentObjectsTest, UnknownObjectsAreReportedOnceAndLeftAlone) {
  committed(1);
  const ObjectId released = committed(1);
  release({{released, 1}});
  upload(prepare_one());
  base::TaskGroup group(executor_);
  ASSERT_TRUE(run(executor_, objects_.report_unknown(group)).has_value());
  EXPECT_EQ(base::count_log_lines("metadata does not know"), 0);
  upload(ObjectId(777'777));
  upload(ObjectId(777'778));
  ASSERT_TRUE(run(executor_, objects_.report_unknown(group)).has_value());
  EXPECT_EQ(base::count_log_lines("metadata does not know"), 1);
  EXPECT_EQ(base::count_log_lines("count=2 first=" + segment::segment_key(ObjectId(777'777))), 1);
  EXPECT_TRUE(uploaded(ObjectId(777'777)));
}

}  // namespace
}  // namespace thalweg::channel
