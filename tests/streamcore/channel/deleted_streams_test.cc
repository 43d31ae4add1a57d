#include "streamcore/channel/deleted_streams.h"

#include <gtest/gtest.h>

#include <set>

#include "streamcore/base/random.h"

namespace thalweg::channel {
namespace {

TEST(DeletedStreams, NeighboursAreOneRun) {
  DeletedStreams deleted;
  for (const uint64_t id : {5, 7, 6, 6, 9}) deleted.add(StreamId(id));
  EXPECT_EQ(deleted.runs(), 2u);
  for (uint64_t id = 0; id < 12; ++id) {
    EXPECT_EQ(deleted.contains(StreamId(id)), (id >= 5 && id <= 7) || id == 9) << id;
  }
}

TEST(DeletedStreams, AnyOrderGivesTheSame) {
  base::SeededRandom random(3);
  DeletedStreams deleted;
  std::set<uint64_t> expected;
  for (int i = 0; i < 500; ++i) {
    const uint64_t id = random.below(300);
    deleted.add(StreamId(id));
    expected.insert(id);
  }
  size_t runs = 0;
  for (uint64_t id = 0; id < 301; ++id) {
    ASSERT_EQ(deleted.contains(StreamId(id)), expected.contains(id)) << id;
    runs += expected.contains(id) && !expected.contains(id - 1);
  }
  EXPECT_EQ(deleted.runs(), runs);
}

}  // namespace
}  // namespace thalweg::channel
