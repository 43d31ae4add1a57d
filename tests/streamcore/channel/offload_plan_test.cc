#include "streamcore/channel/offload_plan.h"

#include <gtest/gtest.h>

#include "tests/streamcore/channel/logged_chunks.h"

namespace thalweg::channel {
namespace {

constexpr uint64_t kChunk = chunk::kChunkAlignment;
constexpr ChannelEpoch kOpenEpoch{9};

class OffloadPlanTest : public testing::Test {
 protected:
  void push(ChunkOf& chunk) { tail_.push(chunk.in_memory()); }
  // The plan of the `count` oldest chunks.
  OffloadPlan plan(size_t count) {
    std::vector<base::Slice> bytes;
    for (size_t i = 0; i < count; ++i) bytes.push_back(tail_.unoffloaded(i).bytes);
    return plan_offload(tail_, bytes, range_bytes_target_);
  }

  StreamState a_{StreamId(1)}, b_{StreamId(2)}, c_{StreamId(3)};
  TailMemory memory_{1 << 30};
  LogTail tail_{memory_};
  uint64_t range_bytes_target_ = 64 << 20;
};

TEST_F(OffloadPlanTest, TakesOnlyWhatIsDurableInTheOpenEpoch) {
  for (uint64_t seq = 0; seq < 4; ++seq) push(ChunkOf(9, seq).entry(a_));
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(0), UINT64_MAX), 0u);
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(3), UINT64_MAX), 3u);
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(9), UINT64_MAX), 4u);
}

TEST_F(OffloadPlanTest, TakesChunksOfOneEpochOnly) {
  push(ChunkOf(7, 5).entry(a_));
  push(ChunkOf(7, 6).entry(a_));
  push(ChunkOf(9, 0).entry(a_));
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(1), UINT64_MAX), 2u);
  const OffloadPlan first = plan(2);
  EXPECT_EQ(first.epoch, ChannelEpoch(7));
  EXPECT_EQ(first.new_g, ChunkSeq(7));
}

TEST_F(OffloadPlanTest, TakesAtMostTheBytesAskedForButOneChunkAtLeast) {
  for (uint64_t seq = 0; seq < 4; ++seq) push(ChunkOf(9, seq).entry(a_));
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(4), 1), 1u);
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(4), 3 * kChunk), 3u);
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(4), 3 * kChunk - 1), 2u);
}

TEST_F(OffloadPlanTest, AnEmptyTailMakesAnEmptyPlan) {
  EXPECT_EQ(chunks_to_offload(tail_, kOpenEpoch, ChunkSeq(4), UINT64_MAX), 0u);
  EXPECT_TRUE(plan(0).empty());
}

TEST_F(OffloadPlanTest, GroupsEntriesByStreamInOrderOfIds) {
  push(ChunkOf(9, 0).entry(c_).entry(a_, 2));
  push(ChunkOf(9, 1).entry(b_, 1, 300).entry(a_, 5));
  const OffloadPlan plan = this->plan(2);
  EXPECT_EQ(plan.chunk_count, 2u);
  EXPECT_EQ(plan.new_g, ChunkSeq(2));
  ASSERT_EQ(plan.streams.size(), 3u);
  const PlannedStream& a = plan.streams[0];
  EXPECT_EQ(a.stream->id, StreamId(1));
  ASSERT_EQ(a.entries.size(), 2u);
  EXPECT_EQ(a.expected_end, Offset(0));
  EXPECT_EQ(a.entries[1].header.base, Offset(2));
  EXPECT_EQ(a.end, Offset(7));
  EXPECT_EQ(a.content_from, 0u);
  EXPECT_EQ(a.content_bytes, 2 * framed_entry_bytes(100));
  ASSERT_EQ(a.entries[1].frame.bytes.size(), framed_entry_bytes(100));
  EXPECT_EQ(a.entries[1].frame.bytes[kEntryHeaderBytes],
            std::byte{1});  // the second entry of its chunk
  EXPECT_EQ(plan.streams[1].stream->id, StreamId(2));
  EXPECT_EQ(plan.streams[1].content_bytes, framed_entry_bytes(300));
  EXPECT_EQ(plan.streams[2].stream->id, StreamId(3));
}

TEST_F(OffloadPlanTest, SkipsWhatAnEarlierOwnerOffloadedAlready) {
  push(ChunkOf(9, 0).entry(a_, 4).entry(b_, 4));
  push(ChunkOf(9, 1).entry(a_, 4));
  a_.row.committed_end = Offset(4);
  b_.row.committed_end = Offset(4);
  const OffloadPlan plan = this->plan(2);
  ASSERT_EQ(plan.streams.size(), 1u);
  EXPECT_EQ(plan.streams[0].expected_end, Offset(4));
  ASSERT_EQ(plan.streams[0].entries.size(), 1u);
  EXPECT_EQ(plan.streams[0].entries[0].header.base, Offset(4));
  EXPECT_EQ(plan.streams[0].end, Offset(8));
}

TEST_F(OffloadPlanTest, EntriesBelowTheTrimPointCountForTheAnnotationOnly) {
  push(ChunkOf(9, 0).entry(a_, 4).entry(a_, 4).entry(a_, 4).entry(b_, 4));
  a_.row.trim_point = Offset(6);  // inside the second entry, which is still needed
  b_.row.trim_point = Offset(4);
  const OffloadPlan plan = this->plan(1);
  ASSERT_EQ(plan.streams.size(), 2u);
  const PlannedStream& a = plan.streams[0];
  ASSERT_EQ(a.entries.size(), 3u);
  EXPECT_EQ(a.content_from, 1u);
  EXPECT_EQ(a.content_bytes, 2 * framed_entry_bytes(100));
  const PlannedStream& b = plan.streams[1];
  EXPECT_EQ(b.entries.size(), 1u);
  EXPECT_EQ(b.content_from, 1u);  // all trimmed: no content, but a range and an annotation
  EXPECT_EQ(b.content_bytes, 0u);
  EXPECT_EQ(b.end, Offset(4));
}

// Of each range, how many entries.
std::vector<size_t> lengths(const PlannedStream& stream) {
  std::vector<size_t> lengths;
  size_t begin = 0;
  for (const PlannedRange& range : stream.ranges) {
    EXPECT_EQ(range.begin, begin);
    lengths.push_back(range.end - range.begin);
    begin = range.end;
  }
  EXPECT_EQ(begin, stream.entries.size());
  return lengths;
}

TEST_F(OffloadPlanTest, AStreamOfTwiceTheTargetOrMoreIsSplitEvenly) {
  ChunkOf chunk(9, 0);
  for (int i = 0; i < 7; ++i) chunk.entry(a_);
  for (int i = 0; i < 3; ++i) chunk.entry(b_);
  push(chunk);
  range_bytes_target_ = 2 * framed_entry_bytes(100);
  OffloadPlan plan = this->plan(1);
  EXPECT_EQ(lengths(plan.streams[0]), (std::vector<size_t>{3, 2, 2}));
  EXPECT_EQ(lengths(plan.streams[1]), (std::vector<size_t>{3}));
  a_.row.trim_point = Offset(4);  // what was trimmed counts for nothing
  plan = this->plan(1);
  EXPECT_EQ(lengths(plan.streams[0]), (std::vector<size_t>{7}));
  a_.row.trim_point = Offset(7);
  plan = this->plan(1);
  EXPECT_EQ(lengths(plan.streams[0]), (std::vector<size_t>{7}));
}

TEST_F(OffloadPlanTest, AnEntryLargerThanARangeIsNotSplitAndRangesAreFew) {
  ChunkOf chunk(9, 0);
  chunk.entry(a_).entry(a_, 1, 60'000);
  for (int i = 0; i < 20; ++i) chunk.entry(a_, 1, 1000);
  push(chunk);
  range_bytes_target_ = 1;
  const std::vector<size_t> ranges = lengths(this->plan(1).streams[0]);
  EXPECT_EQ(ranges.front(), 2u);
  EXPECT_LE(ranges.size(), 8u);
}

TEST_F(OffloadPlanTest, DeletedStreamsAreDropped) {
  push(ChunkOf(9, 0).entry(a_).entry(b_));
  tail_.forget(a_);
  const OffloadPlan plan = this->plan(1);
  ASSERT_EQ(plan.streams.size(), 1u);
  EXPECT_EQ(plan.streams[0].stream->id, StreamId(2));
  EXPECT_EQ(plan.new_g, ChunkSeq(1));  // the chunk is done with all the same
}

TEST_F(OffloadPlanTest, KeepsItsStreamsInMemoryWhileItLasts) {
  push(ChunkOf(9, 0).entry(a_));
  {
    const OffloadPlan plan = this->plan(1);
    EXPECT_EQ(a_.users, 1u);
  }
  EXPECT_EQ(a_.users, 0u);
}

}  // namespace
}  // namespace thalweg::channel
