#include "tests/streamcore/object_store/object_store_contract.h"

#include <algorithm>

#include "streamcore/base/crc32c.h"
#include "streamcore/base/random.h"
#include "streamcore/base/task_group.h"

namespace thalweg::object_store {

using base::ErrorCode;

namespace {

std::vector<std::string> keys_of(const ListPage& page) {
  std::vector<std::string> keys;
  for (const ObjectInfo& object : page.objects) keys.push_back(object.key);
  return keys;
}

}  // namespace

TEST_P(ObjectStoreContract, PutCreatesOnceAndThenExists) {
  EXPECT_EQ(put("a/b/c", "first").value(), PutOutcome::kCreated);
  EXPECT_EQ(put("a/b/c", "second").value(), PutOutcome::kExists);
  EXPECT_EQ(get("a/b/c"), "first");
}

TEST_P(ObjectStoreContract, EmptyObjectIsAnObject) {
  EXPECT_EQ(put("empty", "").value(), PutOutcome::kCreated);
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(run(store().head("empty")).value().size, 0u);
  EXPECT_EQ(put("empty", "x").value(), PutOutcome::kExists);
}

TEST_P(ObjectStoreContract, MissingObjectIsNotFound) {
  EXPECT_EQ(get("nothing"), "<not found>");
  EXPECT_EQ(get("no/such/thing", ByteRange{0, 1}), "<not found>");
  EXPECT_EQ(run(store().head("nothing")).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(put("a/b", "x").has_value());
  EXPECT_EQ(get("a"), "<not found>") << "a directory is no object";
  EXPECT_EQ(get("a/b/c"), "<not found>");
}

TEST_P(ObjectStoreContract, KeyAndKeysBelowItAreDifferentObjects) {
  EXPECT_EQ(put("a", "1").value(), PutOutcome::kCreated);
  EXPECT_EQ(put("a/b", "2").value(), PutOutcome::kCreated);
  EXPECT_EQ(put("a/b/c", "3").value(), PutOutcome::kCreated);
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("a/b"), "2");
  EXPECT_EQ(get("a/b/c"), "3");
}

TEST_P(ObjectStoreContract, RangesAreExact) {
  ASSERT_TRUE(put("x", "0123456789").has_value());
  EXPECT_EQ(get("x", ByteRange{0, 10}), "0123456789");
  EXPECT_EQ(get("x", ByteRange{3, 4}), "3456");
  EXPECT_EQ(get("x", ByteRange{9, 1}), "9");
  EXPECT_EQ(get("x", ByteRange{4, 7}), "<out of range>");
  EXPECT_EQ(get("x", ByteRange{11, 1}), "<out of range>");
  EXPECT_EQ(get("x", ByteRange{UINT64_MAX, 2}), "<out of range>");
  EXPECT_EQ(get("x", ByteRange{2, UINT64_MAX}), "<out of range>");
}

TEST_P(ObjectStoreContract, BigObjectOfManyOddPartsComesBackWhole) {
  base::SeededRandom random(7);
  std::string whole((9 << 20) + 77, '\0');
  for (char& c : whole) c = static_cast<char>(random.next() >> 56);
  std::vector<base::ByteView> parts;
  for (size_t at = 0; at < whole.size();) {
    const size_t n = std::min<size_t>(whole.size() - at, random.below(100'000));
    parts.push_back(base::as_bytes(std::string_view(whole).substr(at, n)));
    at += n;
  }
  EXPECT_EQ(run(store().put_if_absent("big", parts)).value(), PutOutcome::kCreated);
  EXPECT_EQ(run(store().head("big")).value().size, whole.size());
  EXPECT_TRUE(get("big") == whole);
  const size_t bytes = whole.size();  // also where a range touches the end, and blocks of a disk
  for (const ByteRange range : {ByteRange{1'234'567, 3'000'001}, ByteRange{4096, 2 << 20},
                                ByteRange{bytes - 1'500'000, 1'500'000}, ByteRange{1, bytes - 1}}) {
    EXPECT_TRUE(get("big", range) == whole.substr(range.offset, range.length)) << range.offset;
  }
  EXPECT_EQ(get("big", ByteRange{bytes - 2'000'000, 2'000'001}), "<out of range>");
}

TEST_P(ObjectStoreContract, PartsThatAreNotWhatTheirCrcSaysCreateNothing) {
  const std::vector<base::ByteView> parts{base::as_bytes("one"), base::as_bytes("two")};
  const uint32_t crc = base::crc32c(base::as_bytes("onetwo"));
  const auto refused = run(store().put_if_absent("x", {parts, crc ^ 1}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kCorrupt);
  EXPECT_EQ(get("x"), "<not found>");
  EXPECT_EQ(run(store().put_if_absent("x", {parts, crc})).value(), PutOutcome::kCreated);
  EXPECT_EQ(get("x"), "onetwo");
}

namespace {

base::Task<void> race(ObjectStore& store, std::string key, std::string text,
                      std::vector<std::string>* winners, int* losers) {
  const auto outcome = co_await store.put_if_absent(key, {base::as_bytes(text)});
  CHECK(outcome.has_value());
  if (*outcome == PutOutcome::kExists) ++*losers;
  if (*outcome == PutOutcome::kCreated) winners->push_back(text);
  // Whoever lost sees the winner's object at once.
  const auto got = co_await store.get(key, std::nullopt);
  CHECK(got.has_value());
  CHECK(!winners->empty() || *outcome == PutOutcome::kExists);
}

}  // namespace

TEST_P(ObjectStoreContract, OfRacingPutsOneCreates) {
  std::vector<std::string> winners;
  int losers = 0;
  base::TaskGroup group(backend_->executor());
  for (int i = 0; i < 12; ++i) {
    const std::string text = "from " + std::to_string(i) + std::string(i * 1000, '.');
    group.spawn(race(store(), "race/x", text, &winners, &losers));
  }
  run(base::as_value(group.stop_and_join()));
  ASSERT_EQ(winners.size(), 1u);
  EXPECT_EQ(losers, 11);
  EXPECT_EQ(get("race/x"), winners[0]);
}

TEST_P(ObjectStoreContract, RemoveIsIdempotentAndFreesTheKey) {
  EXPECT_TRUE(run(store().remove("x/y")).has_value());
  ASSERT_TRUE(put("x/y", "1").has_value());
  EXPECT_TRUE(run(store().remove("x/y")).has_value());
  EXPECT_EQ(get("x/y"), "<not found>");
  EXPECT_TRUE(run(store().remove("x/y")).has_value());
  EXPECT_EQ(put("x/y", "2").value(), PutOutcome::kCreated);
  EXPECT_EQ(get("x/y"), "2");
}

TEST_P(ObjectStoreContract, ManyAreRemovedAtOnceThereOrNot) {
  EXPECT_TRUE(run(store().remove_all({})).has_value());
  for (const char* key : {"r/1", "r/2", "r/2.a", "r/3", "s/1"}) {
    ASSERT_TRUE(put(key, key).has_value());
  }
  EXPECT_TRUE(run(store().remove_all({"r/1"})).has_value());
  std::vector<std::string> keys = {"r/2", "s/1", "nobody/has/it", "r/2"};
  for (int i = 0; i < 1200; ++i) keys.push_back("r/missing-" + std::to_string(i));
  keys.emplace_back("r/3");
  EXPECT_TRUE(run(store().remove_all(keys)).has_value());
  EXPECT_EQ(keys_of(run(store().list("", "")).value()), std::vector<std::string>{"r/2.a"});
  EXPECT_EQ(put("r/2", "again").value(), PutOutcome::kCreated);
  EXPECT_EQ(run(store().remove_all({"r/2", "r/"})).error().code, ErrorCode::kInvalidArgument);
}

TEST_P(ObjectStoreContract, ObjectReadBeforeItsRemovalKeepsItsBytes) {
  ASSERT_TRUE(put("x", "still here").has_value());
  const auto got = run(store().get("x", std::nullopt));
  ASSERT_TRUE(run(store().remove("x")).has_value());
  EXPECT_EQ(base::as_chars(got->bytes), "still here");
}

TEST_P(ObjectStoreContract, BadKeysAreRefused) {
  const std::vector<std::string> keys = {"",
                                         "/",
                                         "/a",
                                         "a/",
                                         "a//b",
                                         ".",
                                         "..",
                                         "a/..",
                                         "../a",
                                         "a/./b",
                                         "a b",
                                         "a@",
                                         "\xC3\xA9",
                                         std::string("a\0b", 3),
                                         std::string(1025, 'a'),
                                         std::string(251, 'a')};
  for (const std::string& key : keys) {
    EXPECT_EQ(put(key, "x").error().code, ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(get(key), "<invalid argument>") << key;
    EXPECT_EQ(run(store().head(key)).error().code, ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(run(store().remove(key)).error().code, ErrorCode::kInvalidArgument) << key;
  }
}

TEST_P(ObjectStoreContract, LongKeysAndOddNamesWork) {
  std::string longest;
  while (longest.size() + 200 < 1024) longest += std::string(199, 'k') + "/";
  longest += std::string(1024 - longest.size(), 'z');
  for (const std::string& key : {longest, std::string(250, 'p'), std::string("..."),
                                 std::string("-/_/.x"), std::string("a.lock")}) {
    EXPECT_EQ(put(key, key).value(), PutOutcome::kCreated) << key;
    EXPECT_EQ(get(key), key);
  }
}

namespace {

// Every list of `store` with one of these prefixes and after one of these keys is what `sorted`
// says.
template <class List>
void expect_lists(const std::vector<std::string>& sorted, const List& list) {
  for (const std::string prefix : {"a", "a/", "a/b", "ab", "a/b/", "zz/", "zz/y", "q", "b"}) {
    for (const std::string after : {"", "a", "a/", "a/b", "a/b/c", "a0", "zzz", "A"}) {
      std::vector<std::string> expected;
      std::ranges::copy_if(sorted, std::back_inserter(expected), [&](const std::string& key) {
        return key.starts_with(prefix) && key > after;
      });
      EXPECT_EQ(keys_of(list(prefix, after)), expected) << prefix << " after " << after;
    }
  }
}

}  // namespace

TEST_P(ObjectStoreContract, ListIsSortedByKeyWithSizes) {
  std::vector<std::string> keys = {"a-b", "a.b", "a/b",   "a/c",   "a0",    "ab",
                                   "b",   "A",   "a/b.c", "a/b-c", "zz/y/x"};
  for (const std::string& key : keys) ASSERT_TRUE(put(key, key).has_value());
  std::ranges::sort(keys);
  const auto all = run(store().list("", "")).value();
  EXPECT_EQ(keys_of(all), keys);
  EXPECT_FALSE(all.more);
  for (const ObjectInfo& object : all.objects) EXPECT_EQ(object.size, object.key.size());
  expect_lists(keys, [&](const std::string& prefix, const std::string& after) {
    return run(store().list(prefix, after)).value();
  });
}

TEST_P(ObjectStoreContract, ObjectsBelowTheKeyOfAnotherAreListed) {
  std::vector<std::string> keys = {"a", "a-b", "a/b", "a/b/c", "a/b.c", "ab", "ab/x"};
  for (const std::string& key : keys) ASSERT_TRUE(put(key, key).has_value());
  std::ranges::sort(keys);
  expect_lists(keys, [&](const std::string& prefix, const std::string& after) {
    return run(store().list(prefix, after)).value();
  });
}

namespace {

base::Task<void> put_numbered(ObjectStore& store, int from, int to) {
  for (int i = from; i < to; ++i) {
    std::string key = "n/" + std::to_string(i % 3) + "/" + std::to_string(100000 + i);
    CHECK((co_await store.put_if_absent(std::move(key), {base::as_bytes("x")})).has_value());
  }
}

}  // namespace

TEST_P(ObjectStoreContract, ListPagesJoinToTheWhole) {
  constexpr int kObjects = 1100;
  base::TaskGroup group(backend_->executor());
  for (int i = 0; i < 10; ++i) group.spawn(put_numbered(store(), i * 110, (i + 1) * 110));
  run(base::as_value(group.stop_and_join()));
  std::vector<std::string> keys;
  ListPage page;
  do {
    page = run(store().list("n/", keys.empty() ? "" : keys.back())).value();
    ASSERT_LE(page.objects.size(), kListPageMax);
    for (const std::string& key : keys_of(page)) keys.push_back(key);
  } while (page.more);
  EXPECT_EQ(keys.size(), static_cast<size_t>(kObjects));
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

TEST_P(ObjectStoreContract, FullLastPageSaysThereIsNoMore) {
  base::TaskGroup group(backend_->executor());
  for (int i = 0; i < 10; ++i) group.spawn(put_numbered(store(), i * 100, (i + 1) * 100));
  run(base::as_value(group.stop_and_join()));
  const auto page = run(store().list("n", "")).value();
  EXPECT_EQ(page.objects.size(), kListPageMax);
  EXPECT_FALSE(page.more);
}

}  // namespace thalweg::object_store
