#include "tests/streamcore/chunk/chunk_replica_contract.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/base/task_group.h"

namespace thalweg::chunk {

using base::ErrorCode;
using base::Task;

FinishedChunk ChunkReplicaContract::chunk(ChunkKey key, size_t length) {
  ChunkBuilder builder(base::Buffer::allocate(ChunkBuilder::bytes_needed(length)));
  if (length > 0) {
    std::string payload = "chunk " + std::to_string(key.seq.value) + " ";
    while (payload.size() < length) payload += payload;
    builder.add({.stream = StreamId(3),
                 .base = Offset(key.seq.value),
                 .count = 1,
                 .length = static_cast<uint32_t>(length)},
                base::as_bytes(payload).first(length));
  }
  return builder.finish({.incarnation = replica().incarnation(),
                         .channel = key.channel,
                         .epoch = key.epoch,
                         .seq = key.seq,
                         .nonce = 7},
                        key.seq);
}

void ChunkReplicaContract::put_all(uint64_t begin, uint64_t end, ChannelEpoch epoch) {
  for (uint64_t seq = begin; seq < end; ++seq) {
    const auto outcome = put(key(seq, epoch), chunk(key(seq, epoch)));
    ASSERT_TRUE(outcome) << outcome.error().message;
    ASSERT_EQ(*outcome, PutOutcome::kCreated);
  }
}

void ChunkReplicaContract::remove_below(uint64_t seq, ChannelEpoch epoch) {
  ASSERT_TRUE(run(replica().remove_below(kChannel, epoch, ChunkSeq(seq))));
  backend_->finish_removals();
}

void ChunkReplicaContract::expect_holds(ChunkKey key, const FinishedChunk& chunk) {
  EXPECT_EQ(run(replica().head(key)).value(), chunk.header);
  const auto bytes = run(replica().read(key)).value();
  EXPECT_TRUE(std::ranges::equal(bytes.bytes, chunk.bytes()));
  EXPECT_EQ(run(replica().read_index(key)).value(), chunk.entries);
}

void ChunkReplicaContract::expect_empty(ChunkKey key) {
  EXPECT_EQ(run(replica().head(key)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run(replica().read(key)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run(replica().read_range(key, 0, 1)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run(replica().read_index(key)).error().code, ErrorCode::kNotFound);
}

void ChunkReplicaContract::expect_sealed(ChunkKey key) {
  const auto header = run(replica().head(key)).value();
  EXPECT_EQ(header.kind, ChunkKind::kSeal);
  EXPECT_EQ(header.nonce, kSealer);
  EXPECT_EQ(key_of(header), key);
  const auto bytes = run(replica().read(key)).value();
  EXPECT_EQ(decode_header(bytes.bytes).value(), header);
  EXPECT_EQ(bytes.bytes.size(), kChunkHeaderBytes);
  EXPECT_EQ(run(replica().read_index(key)).error().code, ErrorCode::kNotFound);
}

TEST_P(ChunkReplicaContract, ARegisterIsWrittenOnce) {
  const FinishedChunk first = chunk(key(0));
  EXPECT_EQ(put(key(0), first).value(), PutOutcome::kCreated);
  EXPECT_EQ(put(key(0), first).value(), PutOutcome::kExists) << "the same bytes again";
  EXPECT_EQ(put(key(0), chunk(key(0), 200)).value(), PutOutcome::kExists);
  expect_holds(key(0), first);
  backend_->reopen();
  EXPECT_EQ(put(key(0), chunk(key(0), 200)).value(), PutOutcome::kExists);
  expect_holds(key(0), first);
}

TEST_P(ChunkReplicaContract, AnEmptyRegisterIsNotFound) {
  expect_empty(key(0));
  put_all(0, 1);
  expect_empty(key(1));
  expect_empty(key(0, ChannelEpoch(6)));
  expect_empty({ChannelId(2), kEpoch, ChunkSeq(0)});
  EXPECT_TRUE(list(ChannelEpoch(6)).empty());
}

TEST_P(ChunkReplicaContract, ChunksOfAnySizeComeBackWhole) {
  std::vector<FinishedChunk> chunks;
  for (const size_t length : {0, 1, 3000, 4096, 100'000, 3'000'000}) {
    chunks.push_back(chunk(key(chunks.size()), length));
    ASSERT_EQ(put(key_of(chunks.back().header), chunks.back()).value(), PutOutcome::kCreated);
  }
  for (const FinishedChunk& each : chunks) expect_holds(key_of(each.header), each);
  backend_->reopen();
  for (const FinishedChunk& each : chunks) expect_holds(key_of(each.header), each);
}

TEST_P(ChunkReplicaContract, RangesAreExact) {
  const FinishedChunk big = chunk(key(0), 10'000);
  ASSERT_TRUE(put(key(0), big));
  for (const auto& [position, length] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 1}, {4095, 2}, {300, 9000}, {big.length - 1, 1}, {0, big.length}}) {
    const auto range = run(replica().read_range(key(0), position, length)).value();
    EXPECT_TRUE(std::ranges::equal(range.bytes, big.bytes().subspan(position, length)));
  }
  for (const auto& [position, length] : std::vector<std::pair<uint64_t, uint64_t>>{
           {big.length, 1}, {0, big.length + 1}, {UINT64_MAX, 2}, {2, UINT64_MAX}}) {
    EXPECT_EQ(run(replica().read_range(key(0), position, length)).error().code,
              ErrorCode::kOutOfRange);
  }
}

TEST_P(ChunkReplicaContract, ASealKeepsChunksOutForEver) {
  ASSERT_EQ(seal(key(3)).value(), PutOutcome::kCreated);
  expect_sealed(key(3));
  EXPECT_EQ(put(key(3), chunk(key(3))).value(), PutOutcome::kExists);
  backend_->reopen();
  EXPECT_EQ(put(key(3), chunk(key(3))).value(), PutOutcome::kExists);
  expect_sealed(key(3));
}

TEST_P(ChunkReplicaContract, ASealNeverTakesTheRegisterOfAChunk) {
  const FinishedChunk there = chunk(key(0));
  ASSERT_TRUE(put(key(0), there));
  EXPECT_EQ(seal(key(0)).value(), PutOutcome::kExists);
  backend_->reopen();
  EXPECT_EQ(seal(key(0)).value(), PutOutcome::kExists);
  expect_holds(key(0), there);
}

TEST_P(ChunkReplicaContract, OfTwoSealsTheFirstStays) {
  ASSERT_EQ(seal(key(0)).value(), PutOutcome::kCreated);
  EXPECT_EQ(run(replica().seal(key(0), 100)).value(), PutOutcome::kExists);
  expect_sealed(key(0));
}

namespace {

Task<void> put_one(ChunkReplica& replica, FinishedChunk chunk, int& created, int& exists) {
  const auto put = co_await replica.put_if_absent(key_of(chunk.header), chunk.slice());
  CHECK(put.has_value());
  ++(*put == PutOutcome::kCreated ? created : exists);
}

Task<void> seal_one(ChunkReplica& replica, ChunkKey key, int& created, int& exists) {
  const auto put = co_await replica.seal(key, 99);
  CHECK(put.has_value());
  ++(*put == PutOutcome::kCreated ? created : exists);
}

}  // namespace

TEST_P(ChunkReplicaContract, OfAChunkAndSealsThatRaceOneIsCreated) {
  for (uint64_t seq = 0; seq < 8; ++seq) {
    int created = 0;
    int exists = 0;
    base::TaskGroup group(backend_->executor());
    if (seq % 2 == 0) group.spawn(seal_one(replica(), key(seq), created, exists));
    group.spawn(put_one(replica(), chunk(key(seq)), created, exists));
    if (seq % 2 == 1) group.spawn(seal_one(replica(), key(seq), created, exists));
    group.spawn(seal_one(replica(), key(seq), created, exists));
    run(base::as_value(group.stop_and_join()));
    EXPECT_EQ(created, 1);
    EXPECT_EQ(exists, 2);
  }
  EXPECT_EQ(list().size(), 8u);
}

TEST_P(ChunkReplicaContract, AListShowsChunksAndSealsOfOneEpochAscending) {
  EXPECT_TRUE(list().empty());
  put_all(0, 3);
  put_all(0x1F, 0x21);  // 1f, 20: where numbers and their texts could sort apart
  put_all(7, 8, ChannelEpoch(4));
  put_all(8, 9, ChannelEpoch(0x50));
  ASSERT_TRUE(seal(key(0x21)));
  const std::vector<ChunkKey> expected{key(0), key(1), key(2), key(0x1F), key(0x20), key(0x21)};
  EXPECT_EQ(list(), expected);
  EXPECT_EQ(list(ChannelEpoch(4)), std::vector<ChunkKey>{key(7, ChannelEpoch(4))});
  backend_->reopen();
  EXPECT_EQ(list(), expected);
}

TEST_P(ChunkReplicaContract, RemovalForgetsChunksBelowAndKeepsSeals) {
  put_all(0, 6);
  ASSERT_TRUE(seal(key(6)));
  ASSERT_TRUE(seal(key(7)));
  remove_below(4);
  EXPECT_EQ(list(), (std::vector<ChunkKey>{key(4), key(5), key(6), key(7)}));
  remove_below(8);
  EXPECT_EQ(list(), (std::vector<ChunkKey>{key(6), key(7)})) << "P7";
  expect_sealed(key(6));
  EXPECT_EQ(put(key(6), chunk(key(6))).value(), PutOutcome::kExists);
  remove_below(2);  // an older watermark takes nothing back
  EXPECT_EQ(list(), (std::vector<ChunkKey>{key(6), key(7)}));
}

TEST_P(ChunkReplicaContract, RemovalForgetsLowerEpochs) {
  put_all(0, 3);
  ASSERT_TRUE(seal(key(3)));
  put_all(0, 3, ChannelEpoch(6));
  put_all(0, 2, ChannelEpoch(7));
  remove_below(1, ChannelEpoch(6));
  EXPECT_EQ(list(), std::vector<ChunkKey>{key(3)}) << "the SEAL stays (P7)";
  EXPECT_EQ(list(ChannelEpoch(6)).size(), 2u);
  EXPECT_EQ(list(ChannelEpoch(7)).size(), 2u);
  expect_empty(key(0));
}

TEST_P(ChunkReplicaContract, RemovalAfterARestartForgetsWhatTheLastProcessLeft) {
  put_all(0, 5);
  backend_->reopen();
  remove_below(3);
  EXPECT_EQ(list(), (std::vector<ChunkKey>{key(3), key(4)}));
}

TEST_P(ChunkReplicaContract, AdoptedCopiesLieBesideTheirRegister) {
  const FinishedChunk copy = chunk(key(0));
  if (!backend_->adopts()) {
    EXPECT_EQ(put(adopted(0), copy).error().code, ErrorCode::kNotFound);
    expect_empty(adopted(0));
    return;
  }
  ASSERT_TRUE(seal(key(0)));
  put_all(1, 2);
  expect_empty(adopted(0));
  EXPECT_EQ(put(adopted(0), copy).value(), PutOutcome::kCreated);
  EXPECT_EQ(put(adopted(0), chunk(key(0), 200)).value(), PutOutcome::kExists);
  expect_holds(adopted(0), copy);
  expect_sealed(key(0));
  EXPECT_EQ(list(), (std::vector<ChunkKey>{key(0), adopted(0), key(1)}));
  remove_below(1);
  EXPECT_EQ(list(), (std::vector<ChunkKey>{key(0), key(1)}));
}

TEST_P(ChunkReplicaContract, TheIncarnationIsTheStores) {
  const uint64_t incarnation = replica().incarnation();
  EXPECT_NE(incarnation, 0u);
  replica().bind(incarnation);
  EXPECT_TRUE(run(replica().check_incarnation()));
  EXPECT_EQ(replica().incarnation(), incarnation);
  backend_->reopen();
  EXPECT_EQ(replica().incarnation(), incarnation);
  ASSERT_TRUE(seal(key(0)));
  EXPECT_EQ(run(replica().head(key(0)))->incarnation, incarnation);
}

TEST_P(ChunkReplicaContract, WhatCanBeReadIsMadeDurable) {
  put_all(0, 2);
  backend_->reopen();
  EXPECT_TRUE(run(replica().make_durable()));
  EXPECT_EQ(list().size(), 2u);
}

TEST_P(ChunkReplicaContract, RoomThatWasMadeReadyIsThere) {
  ASSERT_TRUE(run(replica().make_ready(kChannel, 100'000)));
  EXPECT_GE(replica().ready_bytes(kChannel, 0), 100'000u);
  put_all(0, 3);
}

}  // namespace thalweg::chunk
