// Snapshots, boundaries and damage: what is kept, what is deleted, and what a node that fell behind
// finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/metadata/metadata_node.h"

namespace thalweg::metadata {

namespace {

using base::ErrorCode;
using base::LogLevel;

base::Task<void> commit_into(ObjectLogMetadataStore& store, Transaction transaction,
                             std::optional<base::Status>& into) {
  into = co_await store.commit(std::move(transaction));
}

class ObjectLogSnapshot : public testing::Test {
 protected:
  static constexpr ObjectLogOptions kOften{.snapshot_entries = 4};

  // So many entries, and the snapshots and deletions that follow from them.
  static void write(MetadataNode& node, int entries) {
    for (int i = 0; i < entries; ++i) {
      ASSERT_TRUE(
          node.commit(Transaction().set("row/" + std::to_string(i % 7), std::to_string(i))));
      node.executor().run_until_idle();
    }
  }
  std::vector<std::string> names(std::string_view prefix) {
    std::vector<std::string> found;
    for (const auto& [key, bytes] : bucket_.objects) {
      if (key.starts_with(prefix)) found.push_back(key);
    }
    return found;
  }

  Bucket bucket_{4};
  std::function<PutFault(std::string_view)> disabled_;
};

TEST_F(ObjectLogSnapshot, LogAndSnapshotsStayBounded) {
  MetadataNode node(bucket_, kOften);
  ASSERT_TRUE(node.start());
  write(node, 200);
  ASSERT_EQ(bucket_.count(kSnapshotPrefix), 2u);
  EXPECT_LE(bucket_.count(kLogPrefix), 2 * (4 + 1));
  EXPECT_LE(bucket_.count(kBoundaryPrefix), kBoundariesKept);
  // The boundary is at the older snapshot, and the log begins right after it.
  const auto older = parse_object_name(kSnapshotPrefix, names(kSnapshotPrefix).front());
  EXPECT_EQ(parse_object_name(kBoundaryPrefix, names(kBoundaryPrefix).back()), older);
  EXPECT_EQ(names(kLogPrefix).front(), object_name(kLogPrefix, *older + 1));
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node.store().position(), LogPosition(200));
  EXPECT_EQ(**node.get("row/3"), "199");
}

TEST_F(ObjectLogSnapshot, MuchLogInFewEntriesMakesASnapshot) {
  MetadataNode node(bucket_, {.single_writer = true, .snapshot_log_bytes = 1000});
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.commit(Transaction().set("a", std::string(900, 'x'))));
  EXPECT_EQ(bucket_.count(kSnapshotPrefix), 0u);
  ASSERT_TRUE(node.commit(Transaction().set("b", std::string(900, 'x'))));
  node.executor().run_until_idle();
  EXPECT_EQ(bucket_.count(kSnapshotPrefix), 1u);
}

TEST_F(ObjectLogSnapshot, NodesThatShareALogShareItsSnapshots) {
  MetadataNode first(bucket_, kOften);
  MetadataNode second(bucket_, kOften);
  ASSERT_TRUE(first.start());
  ASSERT_TRUE(second.start());
  uint64_t snapshots = 0;
  bucket_.put_fault = [&](std::string_view key) {
    if (key.starts_with(kSnapshotPrefix)) ++snapshots;
    return PutFault::kNone;
  };
  for (int i = 0; i < 50; ++i) {
    write(first, 1);
    write(second, 1);
  }
  EXPECT_LE(snapshots, 100u / 4 + 2);
}

TEST_F(ObjectLogSnapshot, DamagedNewestFallsBackToTheOlder) {
  MetadataNode node(bucket_, kOften);
  ASSERT_TRUE(node.start());
  write(node, 30);
  const std::string newest = names(kSnapshotPrefix).back();
  bucket_.flip_bit(newest, 203);
  ASSERT_TRUE(node.start());
  EXPECT_EQ(base::take_log_lines(LogLevel::kWarn, newest), 1);
  EXPECT_EQ(node.store().position(), LogPosition(30));
  EXPECT_EQ(**node.get("row/1"), "29");
}

TEST_F(ObjectLogSnapshot, SnapshotDamagedOnItsWayNeverCounts) {
  int damaged = 0;
  bucket_.put_fault = [&](std::string_view key) {
    const bool hit = key.starts_with(kSnapshotPrefix) && ++damaged % 2 == 0;
    return hit ? PutFault::kDamaged : PutFault::kNone;
  };
  MetadataNode node(bucket_, kOften);
  ASSERT_TRUE(node.start());
  for (int i = 0; i < 60; ++i) {
    write(node, 1);
    // At every moment a new node finds its way, whatever was deleted.
    bucket_.put_fault.swap(disabled_);
    MetadataNode fresh(bucket_, {});
    ASSERT_TRUE(fresh.start());
    EXPECT_EQ(fresh.store().position(), LogPosition(static_cast<uint64_t>(i) + 1));
    bucket_.put_fault.swap(disabled_);
  }
  EXPECT_GT(base::take_log_lines(LogLevel::kWarn, "damaged when read back"), 2);
  EXPECT_GT(bucket_.count(kBoundaryPrefix), 2u);
}

TEST_F(ObjectLogSnapshot, NoGoodSnapshotPastTheBoundaryIsCorrupt) {
  MetadataNode node(bucket_, kOften);
  ASSERT_TRUE(node.start());
  write(node, 30);
  for (const std::string& name : names(kSnapshotPrefix)) bucket_.flip_bit(name, 99);
  EXPECT_FALSE(node.start());
  EXPECT_EQ(node.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(node.error().message.find("meta/gc/"), std::string::npos);
  EXPECT_GE(base::take_log_lines(LogLevel::kWarn, "meta/snapshot/"), 2);
}

TEST_F(ObjectLogSnapshot, CorruptEntryIsNamedAndNeverSkipped) {
  MetadataNode node(bucket_, {});
  MetadataNode reader(bucket_, {});
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(reader.start());
  write(node, 5);
  const std::string name = object_name(kLogPrefix, LogPosition(3));
  bucket_.flip_bit(name, 77);
  const auto value = reader.get("row/1");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(value.error().message.find(name), std::string::npos);
  EXPECT_NE(value.error().message.find("expected"), std::string::npos);
  EXPECT_EQ(reader.commit(Transaction()).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(base::take_log_lines(LogLevel::kError, name), 1);
  EXPECT_FALSE(node.start());
  EXPECT_EQ(node.error().code, ErrorCode::kCorrupt);
}

TEST_F(ObjectLogSnapshot, WhatWasDamagedOnTheWayIsReadOnceMore) {
  for (const ObjectLogOptions& options : {ObjectLogOptions{}, kOften}) {
    bucket_.objects.clear();
    bucket_.read_damaged = nullptr;
    MetadataNode node(bucket_, options);
    ASSERT_TRUE(node.start());
    write(node, 30);
    std::set<std::string, std::less<>> damaged;  // each object's first read
    bucket_.read_damaged = [&](std::string_view key) { return damaged.emplace(key).second; };
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.store().position(), LogPosition(30));
    EXPECT_EQ(**node.get("row/1"), "29");
    const bool snapshots = options.snapshot_entries == kOften.snapshot_entries;
    EXPECT_TRUE(damaged.rbegin()->starts_with(snapshots ? kSnapshotPrefix : kLogPrefix));
    bucket_.read_damaged = nullptr;
  }
}

TEST_F(ObjectLogSnapshot, WhatBroughtAnothersBytesIsReadOnceMore) {
  for (const ObjectLogOptions& options : {ObjectLogOptions{}, kOften}) {
    bucket_.objects.clear();
    MetadataNode node(bucket_, options);
    ASSERT_TRUE(node.start());
    write(node, 30);
    std::map<std::string, std::string> lies;  // each object's first read
    bucket_.read_as = [&](std::string_view key) {
      const std::string prefix(key.substr(0, key.rfind('/') + 1));
      const auto newest = std::prev(bucket_.objects.upper_bound(prefix + "~"));
      const auto other = newest->first == key ? std::prev(newest) : newest;
      return lies.emplace(key, other->first).second ? other->first : std::string(key);
    };
    ASSERT_TRUE(node.start());
    bucket_.read_as = nullptr;
    EXPECT_EQ(node.store().position(), LogPosition(30));
    EXPECT_EQ(**node.get("row/1"), "29");
    const bool snapshots = options.snapshot_entries == kOften.snapshot_entries;
    const std::string_view kind = snapshots ? kSnapshotPrefix : kLogPrefix;
    EXPECT_TRUE(std::ranges::any_of(lies, [&](const auto& lie) {
      return lie.first.starts_with(kind) && lie.second.starts_with(kind);
    }));
  }
}

TEST_F(ObjectLogSnapshot, AnotherEntryEachTimeIsCorruptAndNamed) {
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  write(node, 5);
  const std::string name = object_name(kLogPrefix, LogPosition(3));
  bucket_.read_as = [&](std::string_view key) {
    return key == name ? object_name(kLogPrefix, LogPosition(2)) : std::string(key);
  };
  EXPECT_FALSE(node.start());
  EXPECT_EQ(node.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(node.error().message, name + ": expected slot 3, got the entry of slot 2");
}

TEST_F(ObjectLogSnapshot, FullStorePutsSnapshotsOff) {
  MetadataNode node(bucket_, kOften);
  ASSERT_TRUE(node.start());
  bucket_.put_fault = [&](std::string_view key) {
    return key.starts_with(kLogPrefix) ? PutFault::kNone : PutFault::kNoSpace;
  };
  write(node, 20);
  EXPECT_EQ(bucket_.count(kLogPrefix), 20u);
  EXPECT_GT(base::take_log_lines(LogLevel::kWarn, "put off"), 2);
  bucket_.put_fault = nullptr;
  write(node, 20);
  EXPECT_LE(bucket_.count(kLogPrefix), 10u);
}

TEST_F(ObjectLogSnapshot, ReaderTheBoundaryPassedReloads) {
  MetadataNode reader(bucket_, {});
  MetadataNode node(bucket_, kOften);
  ASSERT_TRUE(reader.start());
  ASSERT_TRUE(node.start());
  write(node, 40);
  EXPECT_EQ(**reader.get("row/4"), "39");
  EXPECT_EQ(reader.store().position(), LogPosition(40));
}

// A writer stops after each number of its steps, another node writes on and deletes the log under
// it, and the writer goes on: its transaction is applied exactly once and answered as it was
// applied.
void stall_everywhere(bool condition_holds) {
  for (int stalled_after = 0; stalled_after < 60; ++stalled_after) {
    Bucket bucket(static_cast<uint64_t>(stalled_after) + 10);
    MetadataNode writer(bucket, {});
    MetadataNode other(bucket, {.snapshot_entries = 3});
    ASSERT_TRUE(writer.start());
    ASSERT_TRUE(other.start());
    ASSERT_TRUE(other.commit(Transaction().set("flag", condition_holds ? "yes" : "no")));
    std::optional<base::Status> answer;
    writer.tasks().spawn(commit_into(
        writer.store(),
        Transaction().require("flag", "yes").require("once", std::nullopt).set("once", "1"),
        answer));
    for (int i = 0; i < stalled_after; ++i) writer.executor().step();
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(other.commit(Transaction().set("row", std::to_string(i))));
    }
    other.executor().run_until_idle();
    ASSERT_GT(bucket.count(kBoundaryPrefix), 3u);
    writer.executor().run_until_idle();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->has_value(), condition_holds) << stalled_after;
    EXPECT_EQ(other.get("once")->has_value(), condition_holds) << stalled_after;
    EXPECT_EQ(**writer.get("row"), "39");
  }
}

TEST_F(ObjectLogSnapshot, StalledWriterAppliesOnce) { stall_everywhere(true); }

TEST_F(ObjectLogSnapshot, StalledWriterLearnsThatItsConditionFailed) { stall_everywhere(false); }

TEST_F(ObjectLogSnapshot, PutIntoADeletedSlotIsNotTheLog) {
  MetadataNode writer(bucket_, {});
  MetadataNode other(bucket_, kOften);
  ASSERT_TRUE(writer.start());
  ASSERT_TRUE(other.start());
  write(other, 30);
  ASSERT_FALSE(bucket_.objects.contains(object_name(kLogPrefix, LogPosition(1))));
  // The writer still believes that slot 1 is next: its put is answered "created" there.
  EXPECT_TRUE(writer.commit(Transaction().require("row/1", "29").set("row/1", "mine")));
  EXPECT_TRUE(bucket_.objects.contains(object_name(kLogPrefix, LogPosition(1))));
  EXPECT_EQ(**other.get("row/1"), "mine");
  write(other, 30);
  EXPECT_FALSE(bucket_.objects.contains(object_name(kLogPrefix, LogPosition(1)))) << "swept";
}

TEST_F(ObjectLogSnapshot, LargeStateIsWrittenInSlices) {
  MetadataNode node(bucket_, {.single_writer = true, .snapshot_entries = 12});
  ASSERT_TRUE(node.start());
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(node.commit(Transaction().set(std::to_string(i), std::string(1 << 20, 'x'))));
  }
  // Commits go on while the snapshot is encoded, and do not show in it.
  const auto snapshot = [&] { return bucket_.count(kSnapshotPrefix) > 0; };
  int meanwhile = 0;
  for (; !snapshot(); ++meanwhile) {
    ASSERT_TRUE(node.commit(Transaction().set("9", std::to_string(meanwhile)).set("new", "1")));
  }
  node.executor().run_until_idle();
  EXPECT_GE(meanwhile, 1);
  const auto& [name, bytes] = *bucket_.objects.lower_bound(std::string(kSnapshotPrefix));
  EXPECT_EQ(name, object_name(kSnapshotPrefix, LogPosition(12)));
  EXPECT_GT(bytes.size(), 12u << 20);
  ASSERT_TRUE(node.start());
  EXPECT_EQ(**node.get("9"), std::to_string(meanwhile - 1));
  EXPECT_EQ(node.store().position(), LogPosition(12 + static_cast<uint64_t>(meanwhile)));
}

TEST(LogBoundary, KeepsTheNewestAndTheLargestCounts) {
  Bucket bucket(5);
  sim::SimExecutor executor;
  BucketClient client(executor, bucket);
  LogBoundary boundary(client);
  for (uint64_t n = 1; n <= kBoundariesKept + 10; ++n) {
    ASSERT_TRUE(sim::run(executor, boundary.publish(LogPosition(n))));
  }
  ASSERT_TRUE(sim::run(executor, boundary.remove_old()));
  EXPECT_EQ(bucket.count(kBoundaryPrefix), kBoundariesKept);
  LogBoundary fresh(client);
  ASSERT_TRUE(sim::run(executor, fresh.refresh()));
  EXPECT_EQ(fresh.known(), LogPosition(kBoundariesKept + 10));
}

TEST(LogBoundary, PutWithoutAnswerCountsOnlyOnceItIsListed) {
  Bucket bucket(6);
  sim::SimExecutor executor;
  BucketClient client(executor, bucket);
  LogBoundary boundary(client);
  bucket.put_fault = [](auto) { return PutFault::kLost; };
  const auto lost = sim::run(executor, boundary.publish(LogPosition(7)));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(boundary.known(), LogPosition(0));
  bucket.put_fault = [](auto) { return PutFault::kAnswerLost; };
  EXPECT_TRUE(sim::run(executor, boundary.publish(LogPosition(7))));
  EXPECT_EQ(boundary.known(), LogPosition(7));
}

TEST(LogObjects, NamesSortAsTheirNumbers) {
  EXPECT_EQ(object_name(kLogPrefix, LogPosition(42)), "meta/log/00000000000000000042");
  EXPECT_LT(object_name(kLogPrefix, LogPosition(99)), object_name(kLogPrefix, LogPosition(100)));
  const std::string largest = object_name(kLogPrefix, LogPosition(UINT64_MAX));
  EXPECT_EQ(parse_object_name(kLogPrefix, largest), LogPosition(UINT64_MAX));
  EXPECT_EQ(parse_object_name(kLogPrefix, "meta/log/1"), std::nullopt);
  EXPECT_EQ(parse_object_name(kLogPrefix, "meta/log/0000000000000000004x"), std::nullopt);
  EXPECT_EQ(parse_object_name(kLogPrefix, "meta/gc/00000000000000000042"), std::nullopt);
}

}  // namespace

}  // namespace thalweg::metadata
