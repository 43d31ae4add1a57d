#include "streamcore/metadata/ordered_state.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <map>

#include "streamcore/base/random.h"

namespace thalweg::metadata {

namespace {

constexpr LogPosition kSlot(1);

LogEntry entry(IncarnationId id, uint64_t counter, std::vector<Transaction> transactions) {
  return {.incarnation = id, .counter = counter, .retired = {}, .transactions = transactions};
}

TEST(OrderedState, EntryRemembersTheOutcomeOfEachTransaction) {
  OrderedState state;
  state.apply(entry({1, 1}, 3,
                    {Transaction().set("a", "1"), Transaction().require("a", "2").set("b", "1"),
                     Transaction().require("a", "1").set("c", "1")}),
              LogPosition(7));
  const IncarnationRow* row = state.incarnation({1, 1});
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->last_counter, 3u);
  EXPECT_EQ(row->last_slot, LogPosition(7));
  EXPECT_EQ(row->held, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(state.get("b"), std::nullopt);
  EXPECT_EQ(state.incarnation({1, 2}), nullptr);
}

TEST(OrderedState, SeenCounterIsSkipped) {
  OrderedState state;
  state.apply(entry({1, 1}, 2, {Transaction().set("a", "1")}), kSlot);
  state.apply(entry({1, 1}, 2, {Transaction().set("a", "2")}), kSlot + 1);
  state.apply(entry({1, 1}, 1, {Transaction().set("a", "3")}), kSlot + 2);
  EXPECT_EQ(state.get("a"), "1");
  state.apply(entry({2, 1}, 1, {Transaction().set("a", "4")}), kSlot + 3);
  EXPECT_EQ(state.get("a"), "4");
}

// Incarnations drawn at 10, in a log that forgets after 5 slots.
class Retiring : public testing::Test {
 protected:
  static constexpr IncarnationId kOld{10, 1};
  void apply(IncarnationId id, uint64_t counter, uint64_t slot,
             std::vector<IncarnationId> retired = {}) {
    LogEntry one = entry(id, counter, {Transaction().set("by", std::to_string(slot))});
    one.retired = std::move(retired);
    state_.apply(one, LogPosition(slot), 5);
  }
  bool known(IncarnationId id) const { return state_.incarnation(id) != nullptr; }
  std::string last() const { return state_.get("by").value_or(""); }

  OrderedState state_;
};

TEST_F(Retiring, OneThatWroteLatelyStays) {
  apply(kOld, 1, 13);
  apply({12, 2}, 1, 17, {kOld});
  EXPECT_TRUE(known(kOld)) << "four slots ago";
  apply(kOld, 2, 18);
  apply({12, 2}, 2, 23, {kOld, {9, 9}});
  EXPECT_TRUE(known(kOld)) << "five slots ago";
  apply({12, 2}, 3, 24, {kOld});
  EXPECT_FALSE(known(kOld));
}

TEST_F(Retiring, WhoLostItsRowIsNeverTakenForNew) {
  apply(kOld, 7, 11);
  apply({16, 2}, 1, 17, {kOld});
  ASSERT_FALSE(known(kOld));
  apply(kOld, 7, 18);  // sent again, or arrived late
  apply(kOld, 8, 19);
  EXPECT_FALSE(known(kOld));
  EXPECT_EQ(last(), "17");
}

TEST_F(Retiring, WhoComesTooLateForTheFirstTimeIsRefused) {
  apply({10, 2}, 1, 15);
  EXPECT_EQ(last(), "15");
  apply({10, 3}, 1, 16);
  EXPECT_EQ(last(), "15");
  EXPECT_FALSE(known({10, 3}));
}

TEST_F(Retiring, OneOfVersion1WasDrawnNowhereAndStays) {
  constexpr IncarnationId kRandom{0x8877665544332211, 1};
  apply(kRandom, 1, 11);
  apply({16, 2}, 1, 17, {kRandom});
  EXPECT_TRUE(known(kRandom));
  apply(kRandom, 1, 18);
  EXPECT_EQ(last(), "17");
}

#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
constexpr bool kCountsMemory = true;
#else
constexpr bool kCountsMemory = false;
#endif

TEST(OrderedState, ARowOfAHundredBytesCostsWellUnderAKibibyte) {
  if (!kCountsMemory) GTEST_SKIP() << "mallinfo2 does not count under this sanitizer";
  const size_t before = mallinfo2().uordblks;
  OrderedState state;
  for (int i = 0; i < 100'000; ++i) {
    state.apply(
        Transaction().set("streams/" + std::to_string(1'000'000'000 + i), std::string(82, 'v')));
  }
  EXPECT_LT((mallinfo2().uordblks - before) / 100'000, 400u);
}

std::map<std::string, std::string> rest_of(FrozenState& frozen) {
  std::map<std::string, std::string> rows;
  const auto keep = [&rows](std::string_view key, std::string_view value) {
    EXPECT_TRUE(rows.empty() || rows.rbegin()->first < key);
    rows.emplace(key, value);
  };
  while (frozen.next(1, keep)) {
  }
  return rows;
}

TEST(FrozenState, ReadsTheRowsOfTheMomentItWasMade) {
  OrderedState state;
  state.apply(Transaction().set("", "empty").set("b", "1").set("d", "1").set("f", "1"));
  FrozenState frozen(state);
  EXPECT_EQ(frozen.row_count(), 4u);
  state.apply(Transaction().set("a", "new").set("b", "2").erase("d").set("e", "new").erase(""));
  state.apply(Transaction().set("b", "3").set("d", "again").erase("e"));
  EXPECT_EQ(rest_of(frozen), (std::map<std::string, std::string>{
                                 {"", "empty"}, {"b", "1"}, {"d", "1"}, {"f", "1"}}));
  EXPECT_EQ(state.get("b"), "3");
}

TEST(FrozenState, RandomChangesBetweenSlicesDoNotShow) {
  base::SeededRandom random(11);
  for (int run = 0; run < 50; ++run) {
    OrderedState state;
    const auto change = [&] {
      const std::string key = std::to_string(random.below(40));
      Transaction transaction;
      if (random.below(3) == 0) {
        transaction.erase(key);
      } else {
        transaction.set(key, std::to_string(random.next()));
      }
      state.apply(transaction);
    };
    for (int i = 0; i < 60; ++i) change();
    const std::map<std::string, std::string> expected(state.rows().begin(), state.rows().end());
    FrozenState frozen(state);
    std::map<std::string, std::string> rows;
    const auto keep = [&rows](std::string_view key, std::string_view value) {
      rows.emplace(key, value);
    };
    while (frozen.next(30, keep)) {
      for (uint64_t i = random.below(10); i > 0; --i) change();
    }
    EXPECT_EQ(rows, expected);
    EXPECT_EQ(frozen.row_count(), expected.size());
  }
}

}  // namespace

}  // namespace thalweg::metadata
