#include "tests/streamcore/metadata/metadata_store_contract.h"

#include <vector>

#include "streamcore/base/random.h"
#include "streamcore/base/task_group.h"
#include "streamcore/metadata/log_entry_format.h"

namespace thalweg::metadata {

namespace {

using base::ErrorCode;

Transaction set(std::string key, std::string value) {
  return Transaction().set(std::move(key), std::move(value));
}

TEST_P(MetadataStoreContract, AbsentKeyReadsAsNothing) {
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_TRUE(scan("", "", 10).empty());
}

TEST_P(MetadataStoreContract, CommittedWritesAreReadBack) {
  ASSERT_TRUE(commit(set("a", "1").set("b", "")));
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), "");
  ASSERT_TRUE(commit(Transaction().erase("a").set("b", "2")));
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(get("b"), "2");
}

TEST_P(MetadataStoreContract, BytesOfKeysAndValuesAreArbitrary) {
  const std::string key("\x00\xff/\x80", 4);
  const std::string value("\xff\x00\x01", 3);
  ASSERT_TRUE(commit(set(key, value)));
  EXPECT_EQ(get(key), value);
  EXPECT_EQ(scan(key.substr(0, 2), "", 10), (std::vector<KeyValue>{{key, value}}));
}

TEST_P(MetadataStoreContract, ConditionOnAValueIsCheckedExactly) {
  ASSERT_TRUE(commit(set("a", "1")));
  EXPECT_TRUE(commit(set("a", "2").require("a", "1")));
  const auto stale = commit(set("a", "3").require("a", "1"));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kConditionFailed);
  EXPECT_EQ(commit(set("a", "3").require("b", "")).error().code, ErrorCode::kConditionFailed);
  EXPECT_EQ(get("a"), "2");
}

TEST_P(MetadataStoreContract, ConditionOnAbsenceHoldsOnlyWithoutTheKey) {
  EXPECT_TRUE(commit(set("a", "1").require("a", std::nullopt)));
  EXPECT_EQ(commit(set("a", "2").require("a", std::nullopt)).error().code,
            ErrorCode::kConditionFailed);
  ASSERT_TRUE(commit(Transaction().erase("a")));
  EXPECT_TRUE(commit(set("a", "3").require("a", std::nullopt)));
  EXPECT_EQ(get("a"), "3");
}

TEST_P(MetadataStoreContract, OneFailedConditionPreventsEveryWrite) {
  ASSERT_TRUE(commit(set("a", "1").set("b", "1")));
  EXPECT_FALSE(commit(
      Transaction().require("a", "1").require("b", "2").set("a", "9").set("c", "9").erase("b")));
  EXPECT_EQ(scan("", "", 10), (std::vector<KeyValue>{{"a", "1"}, {"b", "1"}}));
}

TEST_P(MetadataStoreContract, ConditionsWithoutWritesAreAGuard) {
  ASSERT_TRUE(commit(set("a", "1")));
  EXPECT_TRUE(commit(Transaction().require("a", "1")));
  EXPECT_FALSE(commit(Transaction().require("a", "2")));
}

TEST_P(MetadataStoreContract, LastWriteToAKeyInATransactionWins) {
  ASSERT_TRUE(commit(set("a", "1").erase("a").set("a", "2")));
  EXPECT_EQ(get("a"), "2");
  ASSERT_TRUE(commit(set("a", "3").erase("a")));
  EXPECT_EQ(get("a"), std::nullopt);
}

TEST_P(MetadataStoreContract, ScanIsInByteOrderWithinThePrefix) {
  ASSERT_TRUE(commit(set("b/2", "2")
                         .set("a", "x")
                         .set("b", "x")
                         .set("b/10", "10")
                         .set("b/\xff", "f")
                         .set("c", "x")
                         .set("b0", "x")));
  const auto found = scan("b/", "", 10);
  EXPECT_EQ(found, (std::vector<KeyValue>{{"b/10", "10"}, {"b/2", "2"}, {"b/\xff", "f"}}));
}

TEST_P(MetadataStoreContract, ScanPagesMeetWithoutGapOrRepeat) {
  Transaction rows;
  std::vector<KeyValue> expected;
  for (int i = 100; i < 200; ++i) {
    expected.push_back({"row/" + std::to_string(i), std::to_string(i)});
    rows.set(expected.back().key, expected.back().value);
  }
  ASSERT_TRUE(commit(rows.set("rox", "").set("rov", "")));
  std::vector<KeyValue> all;
  for (std::string after;;) {
    const auto page = scan("row/", after, 7);
    EXPECT_LE(page.size(), 7u);
    if (page.empty()) break;
    all.insert(all.end(), page.begin(), page.end());
    after = page.back().key;
  }
  EXPECT_EQ(all, expected);
  EXPECT_TRUE(scan("row/", "", 0).empty());
  EXPECT_EQ(scan("row/", "a", 1).front().key, "row/100");
  EXPECT_EQ(scan("row/", "row/1500", 1).front().key, "row/151");
  EXPECT_TRUE(scan("row/", "z", 10).empty());
}

TEST_P(MetadataStoreContract, TransactionPastTheLimitIsRefused) {
  Transaction large;
  large.set("k", "");
  large.writes[0].value = std::string(kTransactionBytesMax - encoded_bytes(large), 'v');
  EXPECT_TRUE(commit(large));
  large.writes[0].value->push_back('v');
  const auto refused = commit(large.set("other", "1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(get("k")->size(), kTransactionBytesMax - encoded_bytes(set("k", "")));
  EXPECT_EQ(get("other"), std::nullopt);
}

base::Task<void> increment(MetadataStore& store, int times, int& done) {
  for (int i = 0; i < times;) {
    const auto value = co_await store.get("counter");
    CHECK(value.has_value());
    const int next = (value->has_value() ? std::stoi(**value) : 0) + 1;
    Transaction transaction;
    transaction.require("counter", *value).set("counter", std::to_string(next));
    const auto status = co_await store.commit(std::move(transaction));
    if (status) {
      ++i;
    } else {
      CHECK(status.error().code == ErrorCode::kConditionFailed);
    }
  }
  ++done;
}

TEST_P(MetadataStoreContract, ConcurrentCompareAndSetLosesNoUpdate) {
  base::TaskGroup group(executor_);
  int done = 0;
  for (int i = 0; i < 8; ++i) group.spawn(increment(store(), 20, done));
  while (done < 8) ASSERT_TRUE(executor_.step());
  EXPECT_EQ(get("counter"), "160");
}

base::Task<void> write_then_read(MetadataStore& store, std::string key, int& done) {
  const auto committed = co_await store.commit(Transaction().set(key, key));
  CHECK(committed.has_value());
  const auto value = co_await store.get(key);
  CHECK(value.has_value() && *value == key);
  ++done;
}

TEST_P(MetadataStoreContract, ReadAfterAcknowledgementSeesTheWrite) {
  base::TaskGroup group(executor_);
  int done = 0;
  for (int i = 0; i < 200; ++i) group.spawn(write_then_read(store(), std::to_string(i), done));
  while (done < 200) ASSERT_TRUE(executor_.step());
}

// Random transactions against a plain map that says what each must answer.
TEST_P(MetadataStoreContract, RandomHistoryMatchesAPlainMap) {
  base::SeededRandom random(7);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 300; ++round) {
    Transaction transaction;
    bool holds = true;
    for (uint64_t i = random.below(3); i > 0; --i) {
      const std::string key = std::to_string(random.below(12));
      std::optional<std::string> value;
      if (random.below(2) == 0) value = std::to_string(random.below(3));
      const auto row = model.find(key);
      holds = holds && (value ? row != model.end() && row->second == *value : row == model.end());
      transaction.require(key, value);
    }
    auto after = model;
    for (uint64_t i = random.below(4); i > 0; --i) {
      const std::string key = std::to_string(random.below(12));
      if (random.below(3) == 0) {
        transaction.erase(key);
        after.erase(key);
      } else {
        const std::string value = std::to_string(random.below(3));
        transaction.set(key, value);
        after[key] = value;
      }
    }
    ASSERT_EQ(commit(transaction).has_value(), holds) << "round " << round;
    if (holds) model = after;
    std::vector<KeyValue> expected;
    for (const auto& [key, value] : model) expected.push_back({key, value});
    ASSERT_EQ(scan("", "", 100), expected) << "round " << round;
  }
}

}  // namespace

}  // namespace thalweg::metadata
