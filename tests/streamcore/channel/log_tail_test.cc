#include "streamcore/channel/log_tail.h"

#include <gtest/gtest.h>

#include "tests/streamcore/channel/logged_chunks.h"

namespace thalweg::channel {
namespace {

constexpr uint64_t kChunk = chunk::kChunkAlignment;  // what each chunk here takes

TEST(LogTail, FindsEntriesThroughTheirStreams) {
  StreamState a(StreamId(1)), b(StreamId(2));
  TailMemory memory(1 << 20);
  LogTail tail(memory);
  const LoggedChunk& first = tail.push(ChunkOf(1, 0).entry(a, 3).entry(b).in_memory());
  const LoggedChunk& second = tail.push(ChunkOf(1, 1).entry(a, 2).in_memory());
  ASSERT_EQ(a.entries.size(), 2u);
  EXPECT_EQ(a.entries[0].chunk, &first);
  EXPECT_EQ(a.entries[1].chunk, &second);
  EXPECT_EQ(second.header(a.entries[1].index).base, Offset(3));
  ASSERT_EQ(b.entries.size(), 1u);
  EXPECT_EQ(b.entries[0].index, 1u);
  EXPECT_EQ(first.payload(1).bytes.size(), 100u);
  EXPECT_EQ(first.payload(1).bytes[0], std::byte{1});
  EXPECT_EQ(first.frame(1).bytes.size(), framed_entry_bytes(100));
}

TEST(LogTail, CountsWhatIsNotOffloadedYet) {
  StreamState a(StreamId(1));
  TailMemory memory(1 << 20);
  LogTail tail(memory);
  EXPECT_FALSE(tail.has_unoffloaded_entries());
  tail.push(ChunkOf(1, 0).entry(a).in_memory());
  tail.push(ChunkOf(1, 1).in_memory());
  tail.push(ChunkOf(1, 2).in_memory());
  EXPECT_EQ(tail.unoffloaded_count(), 3u);
  EXPECT_EQ(tail.unoffloaded_bytes(), 3 * kChunk);
  tail.mark_offloaded(1);
  EXPECT_EQ(tail.unoffloaded_count(), 2u);
  EXPECT_EQ(tail.unoffloaded_bytes(), 2 * kChunk);
  EXPECT_EQ(tail.unoffloaded(0).key.seq, ChunkSeq(1));
  EXPECT_FALSE(tail.has_unoffloaded_entries());  // empty chunks remain
}

TEST(LogTail, OffloadedChunksServeReadersWhileThereIsMemory) {
  StreamState a(StreamId(1));
  TailMemory memory(3 * kChunk);
  LogTail tail(memory);
  for (uint64_t seq = 0; seq < 3; ++seq) tail.push(ChunkOf(1, seq).entry(a).in_memory());
  tail.mark_offloaded(3);
  EXPECT_EQ(tail.memory_bytes(), 3 * kChunk);
  EXPECT_EQ(a.entries.size(), 3u);
}

TEST(LogTail, TheOldestChunkIsForgottenFirst) {
  StreamState a(StreamId(1)), b(StreamId(2));
  TailMemory memory(2 * kChunk);
  LogTail tail(memory);
  tail.push(ChunkOf(1, 0).entry(a).entry(b).in_memory());
  tail.push(ChunkOf(1, 1).entry(a).in_memory());
  tail.mark_offloaded(2);
  tail.push(ChunkOf(1, 2).entry(b).in_memory());
  EXPECT_EQ(tail.memory_bytes(), 2 * kChunk);
  ASSERT_EQ(a.entries.size(), 1u);
  EXPECT_EQ(a.entries[0].chunk->key.seq, ChunkSeq(1));
  ASSERT_EQ(b.entries.size(), 1u);
  EXPECT_EQ(b.entries[0].chunk->key.seq, ChunkSeq(2));
}

TEST(LogTail, AnUnoffloadedChunkLosesItsBufferButNotItsIndex) {
  StreamState a(StreamId(1));
  TailMemory memory(2 * kChunk);
  LogTail tail(memory);
  for (uint64_t seq = 0; seq < 4; ++seq) tail.push(ChunkOf(1, seq).entry(a).in_memory());
  EXPECT_EQ(tail.memory_bytes(), 2 * kChunk);
  ASSERT_EQ(a.entries.size(), 4u);
  EXPECT_FALSE(a.entries[0].chunk->in_memory());
  EXPECT_FALSE(a.entries[1].chunk->in_memory());
  EXPECT_TRUE(a.entries[2].chunk->in_memory());
  EXPECT_EQ(tail.unoffloaded_bytes(), 4 * kChunk);
  tail.mark_offloaded(2);
  EXPECT_EQ(a.entries.size(), 2u);
  EXPECT_EQ(a.entries.front().chunk->key.seq, ChunkSeq(2));
}

TEST(LogTail, TheNewestChunkStaysInMemoryWhateverItsSize) {
  StreamState a(StreamId(1));
  TailMemory memory(kChunk);
  LogTail tail(memory);
  tail.push(ChunkOf(1, 0).entry(a).in_memory());
  tail.push(ChunkOf(1, 1).entry(a, 1, 100'000).in_memory());
  EXPECT_FALSE(a.entries[0].chunk->in_memory());
  EXPECT_TRUE(a.entries[1].chunk->in_memory());
  EXPECT_GT(tail.memory_bytes(), kChunk);
}

TEST(LogTail, OfTailsThatShareMemoryTheOneWithTheOldestChunkGivesSome) {
  StreamState a(StreamId(1)), b(StreamId(2));
  TailMemory memory(3 * kChunk);
  LogTail idle(memory);
  const auto at = [](int64_t tick, std::unique_ptr<LoggedChunk> chunk) {
    chunk->created = base::TimePoint(base::Duration(tick));
    return chunk;
  };
  idle.push(at(1, ChunkOf(1, 0).entry(a).in_memory()));
  idle.push(at(2, ChunkOf(1, 1).entry(a).in_memory()));
  {
    LogTail busy(memory);
    for (uint64_t seq = 0; seq < 3; ++seq) {
      busy.push(at(static_cast<int64_t>(3 + seq), ChunkOf(2, seq).entry(b).in_memory()));
    }
    EXPECT_EQ(memory.bytes(), 3 * kChunk);
    EXPECT_EQ(idle.memory_bytes(), kChunk) << "its newest stays";
    EXPECT_FALSE(a.entries[0].chunk->in_memory());
    EXPECT_FALSE(b.entries[0].chunk->in_memory());
    EXPECT_TRUE(b.entries[1].chunk->in_memory());
  }
  EXPECT_EQ(memory.bytes(), kChunk);
}

TEST(LogTail, ABufferOutlivesTheTailWhileAReaderHoldsIt) {
  StreamState a(StreamId(1));
  TailMemory memory(kChunk);
  LogTail tail(memory);
  const base::Slice held = tail.push(ChunkOf(1, 0).entry(a).in_memory()).payload(0);
  tail.mark_offloaded(1);
  tail.push(ChunkOf(1, 1).entry(a).in_memory());
  ASSERT_EQ(a.entries.size(), 1u);
  EXPECT_EQ(held.bytes[99], std::byte{0});
}

TEST(LogTail, RecoveredChunksLieOnDiskAndGoWhenOffloaded) {
  StreamState a(StreamId(1));
  TailMemory memory(1 << 20);
  LogTail tail(memory);
  tail.push(ChunkOf(1, 0).entry(a).on_disk());
  tail.push(ChunkOf(1, 1).entry(a).on_disk());
  tail.push(ChunkOf(2, 0).entry(a).in_memory());
  EXPECT_EQ(tail.memory_bytes(), kChunk);
  EXPECT_EQ(a.entries.size(), 3u);
  tail.mark_offloaded(2);
  ASSERT_EQ(a.entries.size(), 1u);
  EXPECT_EQ(a.entries.front().chunk->key.epoch, ChannelEpoch(2));
}

TEST(LogTail, AForgottenStreamIsNoLongerReachableFromItsChunks) {
  StreamState a(StreamId(1)), b(StreamId(2));
  TailMemory memory(2 * kChunk);
  LogTail tail(memory);
  const LoggedChunk& first = tail.push(ChunkOf(1, 0).entry(a).entry(b).entry(a).in_memory());
  tail.forget(a);
  EXPECT_TRUE(a.entries.empty());
  EXPECT_EQ(first.streams[0], nullptr);
  EXPECT_EQ(first.streams[1], &b);
  EXPECT_EQ(first.streams[2], nullptr);
  // Its chunks are counted, offloaded and evicted like any other.
  tail.mark_offloaded(1);
  tail.push(ChunkOf(1, 1).entry(b).in_memory());
  tail.push(ChunkOf(1, 2).entry(b).in_memory());
  EXPECT_EQ(b.entries.size(), 2u);
}

TEST(EntryQueue, IsAQueueHoweverManyPassThrough) {
  EntryQueue queue;
  uint32_t in = 0, out = 0;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 7; ++i) queue.push_back({nullptr, in++});
    for (int i = 0; i < (round < 150 ? 5 : 8) && !queue.empty(); ++i) {
      ASSERT_EQ(queue.front().index, out++);
      queue.pop_front();
    }
    ASSERT_EQ(queue.size(), in - out);
    if (!queue.empty()) {
      ASSERT_EQ(queue[0].index, out);
      ASSERT_EQ(queue.back().index, in - 1);
    }
  }
}

}  // namespace
}  // namespace thalweg::channel
