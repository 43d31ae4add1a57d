// How the object log writes: batches, answers that were lost, full stores, stops.
#include <gtest/gtest.h>

#include <set>

#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/metadata/metadata_node.h"

namespace thalweg::metadata {

namespace {

using base::ErrorCode;

Transaction set(std::string key, std::string value) {
  return Transaction().set(std::move(key), std::move(value));
}

base::Task<void> commit_into(ObjectLogMetadataStore& store, Transaction transaction,
                             std::optional<base::Status>& into) {
  into = co_await store.commit(std::move(transaction));
}

class ObjectLogWriting : public testing::Test {
 protected:
  // Starts a commit on a node; the answer comes as the node is stepped.
  void send(MetadataNode& node, Transaction transaction, std::optional<base::Status>& into) {
    node.tasks().spawn(commit_into(node.store(), std::move(transaction), into));
  }

  Bucket bucket_{3};
};

TEST_F(ObjectLogWriting, CommitsOfOneTickShareAnEntry) {
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  std::vector<std::optional<base::Status>> answers(500);
  for (size_t i = 0; i < answers.size(); ++i) {
    send(node, Transaction().require("k", std::nullopt).set("k", std::to_string(i)), answers[i]);
  }
  node.executor().run_until_idle();
  EXPECT_EQ(bucket_.count(kLogPrefix), 1u);
  EXPECT_TRUE(answers[0]->has_value());
  for (size_t i = 1; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i]->error().code, ErrorCode::kConditionFailed);
  }
}

TEST_F(ObjectLogWriting, EntryHoldsAtMostALimitOfBytes) {
  MetadataNode node(bucket_, {.pending_bytes_max = 8 << 20});
  ASSERT_TRUE(node.start());
  std::vector<std::optional<base::Status>> answers(5);
  for (size_t i = 0; i < answers.size(); ++i) {
    send(node, set(std::to_string(i), std::string(3 << 20, 'x')), answers[i]);
  }
  node.executor().run_until_idle();
  EXPECT_EQ(bucket_.count(kLogPrefix), 5u);
  for (const auto& answer : answers) EXPECT_TRUE(answer->has_value());
}

TEST_F(ObjectLogWriting, EntryHoldsAtMostALimitOfTransactions) {
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  std::vector<std::optional<base::Status>> answers(kTransactionsPerEntryMax + 1);
  for (auto& answer : answers) send(node, Transaction(), answer);
  node.executor().run_until_idle();
  EXPECT_EQ(bucket_.count(kLogPrefix), 2u);
  for (const auto& answer : answers) EXPECT_TRUE(answer->has_value());
}

// A transaction that would fail its own condition if it were applied a second time.
void expect_applied_once(MetadataNode& node) {
  EXPECT_TRUE(node.commit(Transaction().require("once", std::nullopt).set("once", "1")));
  EXPECT_EQ(**node.get("once"), "1");
}

TEST_F(ObjectLogWriting, PutThatNeverArrivedIsSentAgain) {
  int faults = 3;
  bucket_.put_fault = [&](auto) { return faults-- > 0 ? PutFault::kLost : PutFault::kNone; };
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  expect_applied_once(node);
  EXPECT_EQ(bucket_.count(kLogPrefix), 1u);
}

TEST_F(ObjectLogWriting, LostAnswerOfAPutThatArrivedIsFoundOut) {
  bool lost = false;
  bucket_.put_fault = [&](auto) {
    return std::exchange(lost, true) ? PutFault::kNone : PutFault::kAnswerLost;
  };
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  expect_applied_once(node);
  EXPECT_EQ(bucket_.count(kLogPrefix), 1u);
}

TEST_F(ObjectLogWriting, AnEntryWhoseSlotWasTakenNamesTheOneItComesTo) {
  MetadataNode node(bucket_, {});
  MetadataNode other(bucket_, {});
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(other.start());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(other.commit(set("other", std::to_string(i))));
  // Its answer is lost as well: the node finds the entry by reading it back.
  const std::string fourth = object_name(kLogPrefix, LogPosition(4));
  bucket_.put_fault = [&](std::string_view key) {
    return key == fourth ? PutFault::kAnswerLost : PutFault::kNone;
  };
  expect_applied_once(node);
  EXPECT_EQ(bucket_.count(kLogPrefix), 4u);
  EXPECT_TRUE(decode_log_entry(bucket_.objects.at(fourth), LogPosition(4)));
  EXPECT_EQ(**other.get("once"), "1");
}

TEST_F(ObjectLogWriting, TheSameBytesAreSentIntoASlotEachTime) {
  std::vector<std::string> sent;
  bucket_.put_fault = [](auto) { return PutFault::kLate; };
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  std::optional<base::Status> answer;
  send(node, set("a", "1"), answer);
  while (sent.size() < 3) {
    ASSERT_TRUE(node.executor().step());
    for (const auto& [key, bytes] : bucket_.late) {
      EXPECT_EQ(key, object_name(kLogPrefix, LogPosition(1)));
      sent.push_back(bytes);
    }
    bucket_.late.clear();
  }
  EXPECT_EQ(std::set(sent.begin(), sent.end()).size(), 1u);
}

TEST_F(ObjectLogWriting, ReadsGoOnWhileAPutHasNoAnswer) {
  bucket_.put_fault = [](auto) { return PutFault::kLost; };
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  std::optional<base::Status> answer;
  send(node, set("a", "1"), answer);
  EXPECT_EQ(*node.get("a"), std::nullopt);
  EXPECT_FALSE(answer.has_value());
  bucket_.put_fault = nullptr;
  node.executor().run_until_idle();
  EXPECT_TRUE(answer->has_value());
}

TEST_F(ObjectLogWriting, ListThatFailsAfterCreationIsTriedAgain) {
  int faults = 4;
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  bucket_.read_fails = [&](auto) { return faults-- > 0; };
  EXPECT_TRUE(node.commit(set("a", "1")));
  EXPECT_EQ(bucket_.count(kLogPrefix), 1u);
}

TEST_F(ObjectLogWriting, FullStoreFailsTheTransactionsAndNothingWasDone) {
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.commit(set("a", "1")));
  bucket_.put_fault = [](auto) { return PutFault::kNoSpace; };
  EXPECT_EQ(node.commit(set("a", "2")).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(**node.get("a"), "1");
  bucket_.put_fault = nullptr;
  EXPECT_TRUE(node.commit(Transaction().require("a", "1").set("a", "3")));
  EXPECT_EQ(**node.get("a"), "3");
  ASSERT_TRUE(node.start());
  EXPECT_EQ(**node.get("a"), "3");
}

TEST_F(ObjectLogWriting, NoSpaceAfterAnUnansweredPutProvesNothing) {
  int puts = 0;
  bucket_.put_fault = [&](auto) {
    return ++puts == 1 ? PutFault::kLate : puts < 6 ? PutFault::kNoSpace : PutFault::kNone;
  };
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.commit(set("a", "1")));
  EXPECT_EQ(bucket_.count(kLogPrefix), 1u);
}

TEST_F(ObjectLogWriting, StopAnswersWhatWasSentAsUnknownAndTheRestAsClosed) {
  bucket_.put_fault = [](auto) { return PutFault::kLost; };
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  std::optional<base::Status> sent;
  std::optional<base::Status> waiting;
  send(node, set("a", "1"), sent);
  for (int i = 0; i < 20; ++i) node.executor().step();
  send(node, set("a", "2"), waiting);
  node.stop();
  node.executor().run_until_idle();
  EXPECT_EQ(sent->error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(waiting->error().code, ErrorCode::kClosed);
  EXPECT_EQ(node.commit(set("a", "3")).error().code, ErrorCode::kClosed);
  EXPECT_EQ(node.get("a").error().code, ErrorCode::kClosed);
}

TEST_F(ObjectLogWriting, StopOfAnIdleStoreReturnsAtOnce) {
  MetadataNode node(bucket_, {});
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.commit(set("a", "1")));
  node.stop();
}

TEST_F(ObjectLogWriting, TransactionsPastTheWaitingLimitWaitAndAreAllAnswered) {
  MetadataNode node(bucket_, {.pending_bytes_max = 2000});
  ASSERT_TRUE(node.start());
  std::vector<std::optional<base::Status>> answers(100);
  for (auto& answer : answers) send(node, set("k", std::string(100, 'v')), answer);
  node.executor().run_until_idle();
  for (const auto& answer : answers) EXPECT_TRUE(answer.has_value() && answer->has_value());
  EXPECT_GT(bucket_.count(kLogPrefix), 10u);
}

TEST_F(ObjectLogWriting, SingleWriterReadsWithoutARequest) {
  MetadataNode node(bucket_, {.single_writer = true});
  ASSERT_TRUE(node.start());
  ASSERT_TRUE(node.commit(set("a", "1")));
  const uint64_t before = bucket_.requests;
  EXPECT_EQ(**node.get("a"), "1");
  EXPECT_EQ(bucket_.requests, before);
  ASSERT_TRUE(node.commit(set("a", "2")));
  EXPECT_EQ(bucket_.requests, before + 2) << "a put alone, counted on its way there and back";
}

constexpr uint64_t kSlots = 8;

void replay(const Bucket& bucket, OrderedState& state) {
  LogPosition slot(0);
  for (const auto& [key, bytes] : bucket.objects) {
    if (!key.starts_with(kLogPrefix)) continue;
    ++slot;
    state.apply(*decode_log_entry(bytes, slot), slot, kSlots);
  }
}

TEST_F(ObjectLogWriting, StartsDoNotAddUp) {
  for (const bool single_writer : {true, false}) {
    bucket_.objects.clear();
    const ObjectLogOptions options{.single_writer = single_writer, .incarnation_slots = kSlots};
    MetadataNode lives_on(bucket_, options);
    ASSERT_TRUE(lives_on.start());
    for (int run = 1; run <= 40; ++run) {
      MetadataNode node(bucket_, options);
      ASSERT_TRUE(node.start());
      ASSERT_TRUE(node.commit(set("a", std::to_string(run))));
      if (!single_writer && run % 5 == 0) ASSERT_TRUE(lives_on.commit(set("b", "1")));
    }
    OrderedState state;
    replay(bucket_, state);
    EXPECT_LE(state.incarnations().size(), kSlots + 2);
    EXPECT_EQ(state.get("a"), "40");
  }
}

// A node that stands still while another writes more than a row is kept for.
class StandingStill : public ObjectLogWriting {
 protected:
  // With `snapshot_entries` few the log is also deleted under the node.
  void start(uint64_t snapshot_entries) {
    other_ = std::make_unique<MetadataNode>(
        bucket_,
        ObjectLogOptions{.snapshot_entries = snapshot_entries, .incarnation_slots = kSlots});
    ASSERT_TRUE(node_.start());
    ASSERT_TRUE(other_->start());
  }
  void others_write() {
    for (uint64_t i = 0; i < 3 * kSlots; ++i) {
      ASSERT_TRUE(other_->commit(set("other", std::to_string(i))));
    }
    other_->executor().run_until_idle();
  }
  // Its condition holds as long as nobody did it.
  static Transaction once() {
    return Transaction().require("once", std::nullopt).set("once", "the node's");
  }
  size_t entries_of_node() const {
    size_t count = 0;
    for (const auto& [key, bytes] : bucket_.objects) {
      count += key.starts_with(kLogPrefix) && bytes.contains("the node's");
    }
    return count;
  }
  void expect_unknown_and_goes_on(const std::optional<base::Status>& answer) {
    node_.executor().run_until_idle();
    ASSERT_TRUE(answer.has_value() && !answer->has_value());
    EXPECT_EQ(answer->error().code, ErrorCode::kUnknownOutcome);
    EXPECT_EQ(base::take_log_lines(base::LogLevel::kWarn, "retired while alive"), 1);
    EXPECT_TRUE(node_.commit(set("b", "1")));
  }

  MetadataNode node_{bucket_, {.incarnation_slots = kSlots}};
  std::unique_ptr<MetadataNode> other_;
};

constexpr uint64_t kNever = 1'000'000;

TEST_F(StandingStill, IdleItLosesItsRowAndNothingElse) {
  start(kNever);
  ASSERT_TRUE(node_.commit(set("a", "1")));
  others_write();
  OrderedState state;
  replay(bucket_, state);
  EXPECT_EQ(state.incarnations().size(), 1u);
  EXPECT_TRUE(node_.commit(once())) << "each of its puts found another's entry";
  EXPECT_TRUE(node_.commit(set("a", "2")));
  EXPECT_EQ(**other_->get("a"), "2");
}

TEST_F(StandingStill, NeverHavingWrittenItIsNotTooLate) {
  start(kNever);
  others_write();
  EXPECT_TRUE(node_.commit(once()));
  EXPECT_TRUE(other_->get("once")->has_value());
}

TEST_F(StandingStill, WithItsFirstEntryInTheLogItDoesNotApplyItTwice) {
  start(4);
  bucket_.put_fault = [](auto) { return PutFault::kAnswerLost; };
  std::optional<base::Status> answer;
  send(node_, once(), answer);
  while (entries_of_node() == 0) ASSERT_TRUE(node_.executor().step());
  bucket_.put_fault = nullptr;
  ASSERT_TRUE(other_->commit(Transaction().erase("once")));
  others_write();
  ASSERT_EQ(entries_of_node(), 0u) << "the log was not deleted";
  expect_unknown_and_goes_on(answer);
  EXPECT_EQ(*other_->get("once"), std::nullopt) << "it was applied again";
}

TEST_F(StandingStill, ItsEntryThatArrivesLateCountsForNothing) {
  for (const uint64_t snapshot_entries : {kNever, uint64_t{4}}) {
    bucket_.objects.clear();
    start(snapshot_entries);
    bucket_.put_fault = [](auto) { return PutFault::kLate; };
    std::optional<base::Status> answer;
    send(node_, once(), answer);
    while (bucket_.late.empty()) ASSERT_TRUE(node_.executor().step());
    const auto late = std::exchange(bucket_.late, {});
    bucket_.put_fault = nullptr;
    others_write();
    for (const auto& [key, bytes] : late) bucket_.put(key, bytes);
    expect_unknown_and_goes_on(answer);
    EXPECT_EQ(*other_->get("once"), std::nullopt);
    node_.crash();
  }
}

TEST_F(ObjectLogWriting, AnObjectStoreThatEndedEndsTheLogWithOneErrorLine) {
  MetadataNode node(bucket_, {.single_writer = true});
  ASSERT_TRUE(node.start());
  bool first = true;
  bucket_.put_fault = [&](std::string_view) {
    return std::exchange(first, false) ? PutFault::kLost : PutFault::kEnded;
  };
  std::optional<base::Status> sent;
  std::optional<base::Status> waiting;
  send(node, set("k", "1"), sent);
  node.executor().run_for(std::chrono::milliseconds(1));
  send(node, set("k", "2"), waiting);
  node.executor().run_for(std::chrono::seconds(10));
  ASSERT_TRUE(sent.has_value() && waiting.has_value());
  EXPECT_EQ(sent->error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(waiting->error().code, ErrorCode::kClosed);
  std::optional<base::Status> later;
  send(node, set("k", "3"), later);
  node.executor().run_until_idle();
  EXPECT_EQ(later->error().code, ErrorCode::kClosed);
  EXPECT_EQ(base::take_log_lines(base::LogLevel::kError, "metadata log ended"), 1);
}

}  // namespace

}  // namespace thalweg::metadata
