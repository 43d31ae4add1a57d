#include "streamcore/chunk/object_replica.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/task_group.h"
#include "streamcore/chunk/chunk_object_format.h"
#include "streamcore/chunk/incarnation_format.h"
#include "streamcore/chunk/object_marker.h"
#include "streamcore/chunk/recovery.h"
#include "streamcore/object_store/memory_object_store.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/object_store/failing_object_store.h"

namespace thalweg::chunk {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;
using base::Task;
using object_store::FailingObjectStore;
using object_store::MemoryObjectStore;
using object_store::PutFault;
using namespace std::chrono_literals;

constexpr ChannelId kChannel(1);
constexpr ChannelEpoch kEpoch(5);

class ObjectReplicaTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<ObjectReplica>> try_open(bool create) {
    options.create_if_empty = create;
    return sim::run(executor, ObjectReplica::open(store, executor, random, options));
  }
  void open(bool create = true) {
    auto opened = try_open(create);
    ASSERT_TRUE(opened) << opened.error().message;
    replica = std::move(*opened);
  }
  template <class T>
  T run(Task<T> task) {
    return sim::run(executor, std::move(task));
  }
  static ChunkKey key(uint64_t seq, bool adopted = false) {
    return {kChannel, kEpoch, ChunkSeq(seq), adopted};
  }
  static FinishedChunk chunk(uint64_t seq, uint64_t nonce = 7) {
    const std::string payload = "chunk " + std::to_string(seq);
    ChunkBuilder builder(base::Buffer::allocate(4096));
    builder.add({.stream = StreamId(3),
                 .base = Offset(seq),
                 .count = 1,
                 .length = static_cast<uint32_t>(payload.size())},
                base::as_bytes(payload));
    return builder.finish({.incarnation = 9,
                           .channel = kChannel,
                           .epoch = kEpoch,
                           .seq = ChunkSeq(seq),
                           .nonce = nonce},
                          ChunkSeq(seq));
  }
  Result<PutOutcome> put(uint64_t seq, uint64_t nonce = 7) {
    const FinishedChunk finished = chunk(seq, nonce);
    return run(replica->put_if_absent(key_of(finished.header), finished.slice()));
  }
  Result<PutOutcome> seal(uint64_t seq) { return run(replica->seal(key(seq), 99)); }
  std::string name(uint64_t seq) const {
    return encode_chunk_object_key(replica->incarnation(), key(seq));
  }
  void put_object(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(run(objects.put_if_absent(name, {base::as_bytes(bytes)})));
  }
  void empty_the_store() {
    for (const auto& object : run(objects.list("", ""))->objects) {
      ASSERT_TRUE(run(objects.remove(object.key)));
    }
  }
  void expect_lost() {
    EXPECT_EQ(replica->incarnation(), 0u);
    EXPECT_EQ(put(50).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(seal(51).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(run(replica->head(key(0))).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(run(replica->list(kChannel, kEpoch)).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(run(replica->make_durable()).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(run(replica->check_incarnation()).error().code, ErrorCode::kNotFound);
    base::expect_error_line("chunk replica is lost");
  }

  sim::SimExecutor executor;
  base::SeededRandom random{1};
  MemoryObjectStore objects{executor};
  FailingObjectStore store{objects, executor, random};
  ObjectReplicaOptions options;
  std::unique_ptr<ObjectReplica> replica;
};

TEST(ChunkObjectFormat, KeysSortAsRegistersDoAndAnEpochIsOnePrefix) {
  std::string last;
  for (const uint64_t epoch : {1ull, 15ull, 16ull, 1ull << 40}) {
    for (const uint64_t seq : {0ull, 9ull, 10ull, 15ull, 16ull, 255ull, 1ull << 33}) {
      const ChunkKey key{ChannelId(0xAB), ChannelEpoch(epoch), ChunkSeq(seq)};
      ChunkKey adopted = key;
      adopted.adopted = true;
      const std::string bound = chunk_object_bound(7, key.channel, key.epoch, key.seq);
      const std::string name = encode_chunk_object_key(7, key);
      EXPECT_LT(last, bound);
      EXPECT_LT(bound, name);
      EXPECT_LT(name, encode_chunk_object_key(7, adopted));
      last = encode_chunk_object_key(7, adopted);
      EXPECT_TRUE(last.starts_with(chunk_object_prefix(7, key.channel, key.epoch)));
      EXPECT_EQ(decode_chunk_object_key(name), (ChunkObjectName{7, key}));
      EXPECT_EQ(decode_chunk_object_key(last), (ChunkObjectName{7, adopted}));
    }
  }
  EXPECT_EQ(encode_chunk_object_key(0x1F, {ChannelId(2), ChannelEpoch(3), ChunkSeq(4), true}),
            "c/000000000000001f/00000002/0000000000000003/0000000000000004.a");
}

TEST(ChunkObjectFormat, OtherKeysAreNobodys) {
  const std::string good = encode_chunk_object_key(7, {ChannelId(1), ChannelEpoch(2), ChunkSeq(3)});
  ASSERT_TRUE(decode_chunk_object_key(good));
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_chunk_object_key(good.substr(0, length)));
  }
  for (const char* tail : {".", ".b", ".aa", "0", "/"}) {
    EXPECT_FALSE(decode_chunk_object_key(good + tail));
  }
  std::string upper = good;
  upper[5] = 'F';
  EXPECT_FALSE(decode_chunk_object_key(upper));
  EXPECT_FALSE(decode_chunk_object_key(kIncarnationObjectKey));
}

// --- unknown outcomes

TEST_F(ObjectReplicaTest, ALostAnswerIsFoundOutByReadingTheHeaderBack) {
  open();
  store.fail_next_put(PutFault::kUnknownAfter);
  EXPECT_EQ(put(0).value(), PutOutcome::kCreated);
  store.fail_next_put(PutFault::kUnknownAfter);
  EXPECT_EQ(seal(1).value(), PutOutcome::kCreated);
}

TEST_F(ObjectReplicaTest, ALostAnswerWithAnothersBytesThereIsExists) {
  open();
  ASSERT_TRUE(put(0, 8));
  store.fail_next_put(PutFault::kUnknownAfter);
  EXPECT_EQ(put(0, 7).value(), PutOutcome::kExists);
  store.fail_next_put(PutFault::kUnknownBefore);
  EXPECT_EQ(seal(0).value(), PutOutcome::kExists);
  EXPECT_EQ(run(replica->head(key(0)))->nonce, 8u);
}

TEST_F(ObjectReplicaTest, WhatMayYetLandStaysUnknownAndLandsOnlyInAnEmptyRegister) {
  open();
  store.set_late_max(10s);
  store.fail_next_put(PutFault::kUnknownLater);
  EXPECT_EQ(put(0).error().code, ErrorCode::kUnknownOutcome);
  store.fail_next_put(PutFault::kUnknownLater);
  EXPECT_EQ(put(1).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(seal(1).value(), PutOutcome::kCreated);
  executor.run_for(11s);
  EXPECT_EQ(run(replica->head(key(0)))->kind, ChunkKind::kChunk);
  EXPECT_EQ(run(replica->head(key(1)))->kind, ChunkKind::kSeal) << "a SEAL is never overtaken";
  EXPECT_EQ(put(0).value(), PutOutcome::kExists);
}

TEST_F(ObjectReplicaTest, AnOutcomeThatCannotBeReadBackIsUnknown) {
  open();
  store.set_down(true);
  EXPECT_EQ(put(0).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(seal(0).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(run(replica->head(key(0))).error().code, ErrorCode::kUnavailable);
  store.set_down(false);
  EXPECT_EQ(put(0).value(), PutOutcome::kCreated);
}

TEST_F(ObjectReplicaTest, NoSpaceIsSaidAndNothingWasDone) {
  open();
  store.fail_next_put(PutFault::kNoSpace);
  EXPECT_EQ(put(0).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(put(0).value(), PutOutcome::kCreated);
}

// --- damage

TEST_F(ObjectReplicaTest, ObjectsThatAreCutOffOrMisplacedAreCorruptNotAbsent) {
  open();
  const FinishedChunk one = chunk(1);
  put_object(name(0), "short");
  put_object(name(1), base::as_chars(one.bytes()).substr(0, kChunkHeaderBytes));
  put_object(name(2), base::as_chars(one.bytes()));
  EXPECT_EQ(run(replica->head(key(0))).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(run(replica->read_index(key(0))).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(run(replica->read_index(key(1))).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(run(replica->head(key(2))).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(seal(0).value(), PutOutcome::kExists);
}

// A get of the copy may bring the SEAL that the copy was made for.
TEST_F(ObjectReplicaTest, ASealWhereACopyWasAskedForIsCorruptNotAbsent) {
  open();
  const base::Buffer seal = encode_seal({.channel = kChannel, .epoch = kEpoch, .seq = ChunkSeq(1)});
  const ChunkKey copy = key(1, true);
  put_object(encode_chunk_object_key(replica->incarnation(), copy),
             base::as_chars({seal.data(), kChunkHeaderBytes}));
  EXPECT_EQ(run(replica->head(copy)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(run(replica->read_index(copy)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(run(read_register(replica.get(), copy)).error().code, ErrorCode::kCorrupt);
}

// --- incarnations

TEST_F(ObjectReplicaTest, OneMarkerIsMadeAndFoundAgain) {
  open();
  const uint64_t incarnation = replica->incarnation();
  ASSERT_TRUE(put(0));
  open(false);
  EXPECT_EQ(replica->incarnation(), incarnation);
  EXPECT_TRUE(run(replica->head(key(0))));
}

TEST_F(ObjectReplicaTest, AMarkerWhoseAnswerWasLostIsUsed) {
  store.fail_next_put(PutFault::kUnknownAfter);
  open();
  EXPECT_NE(replica->incarnation(), 0u);
}

TEST_F(ObjectReplicaTest, AProcessThatDiedBehindTheMarkerLeavesAUsableStore) {
  open();
  const uint64_t incarnation = replica->incarnation();
  open(true);  // its metadata never came to be
  EXPECT_EQ(replica->incarnation(), incarnation);
}

TEST_F(ObjectReplicaTest, ALogWithoutItsMarkerIsRefused) {
  open();
  ASSERT_TRUE(put(0));
  ASSERT_TRUE(run(objects.remove(std::string(kIncarnationObjectKey))));
  EXPECT_EQ(try_open(true).error().code, ErrorCode::kNotFound);
}

TEST_F(ObjectReplicaTest, TheLogOfOtherMetadataIsRefused) {
  open();
  ASSERT_TRUE(put(0));
  EXPECT_EQ(try_open(true).error().code, ErrorCode::kAlreadyExists);
}

TEST_F(ObjectReplicaTest, AStoreThatCannotBeReachedMakesNoMarker) {
  store.set_down(true);
  EXPECT_EQ(try_open(true).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(objects.object_count(), 0u);
}

TEST_F(ObjectReplicaTest, AStoreWithoutAMarkerIsNeverGivenOneForKnownMetadata) {
  open(false);
  EXPECT_EQ(replica->incarnation(), 0u);
  EXPECT_EQ(put(0).error().code, ErrorCode::kUnknownOutcome);
  replica->bind(77);
  EXPECT_EQ(put(0).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(objects.object_count(), 0u);
  expect_lost();
}

TEST_F(ObjectReplicaTest, AStoreReachedLateIsUsedFromThenOn) {
  open();
  const uint64_t incarnation = replica->incarnation();
  store.set_down(true);
  open(false);
  EXPECT_EQ(replica->incarnation(), 0u);
  replica->bind(incarnation);
  EXPECT_EQ(replica->incarnation(), 0u);
  EXPECT_EQ(put(0).error().code, ErrorCode::kUnknownOutcome);
  store.set_down(false);
  EXPECT_EQ(put(0).value(), PutOutcome::kCreated);
  EXPECT_EQ(replica->incarnation(), incarnation);
}

TEST_F(ObjectReplicaTest, AnothersStoreIsRefusedByWhoKnowsBetter) {
  open();
  ASSERT_TRUE(put(0));
  replica->bind(replica->incarnation() + 1);
  expect_lost();
  EXPECT_EQ(run(replica->read(key(0))).error().code, ErrorCode::kUnavailable);
}

TEST_F(ObjectReplicaTest, AStoreEmptiedWhileItIsWrittenToIsLostWithinTheInterval) {
  open();
  ASSERT_TRUE(put(0));
  empty_the_store();
  executor.run_for(options.check_interval);
  (void)put(1);
  executor.run_for(1s);
  expect_lost();
}

TEST_F(ObjectReplicaTest, ACheckSeesAnEmptiedStoreAtOnce) {
  open();
  ASSERT_TRUE(put(0));
  EXPECT_TRUE(run(replica->check_incarnation()));
  empty_the_store();
  EXPECT_EQ(run(replica->check_incarnation()).error().code, ErrorCode::kNotFound);
  expect_lost();
}

TEST_F(ObjectReplicaTest, AnOutageIsNoLoss) {
  open();
  const uint64_t incarnation = replica->incarnation();
  store.set_down(true);
  EXPECT_EQ(run(replica->check_incarnation()).error().code, ErrorCode::kUnavailable);
  store.set_down(false);
  EXPECT_EQ(replica->incarnation(), incarnation);
  EXPECT_EQ(put(0).value(), PutOutcome::kCreated);
}

TEST_F(ObjectReplicaTest, ADamagedMarkerVouchesForNothing) {
  put_object(std::string(kIncarnationObjectKey), std::string(kIncarnationBytes, 'x'));
  open(false);
  EXPECT_EQ(replica->incarnation(), 0u);
  EXPECT_EQ(put(0).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(run(replica->check_incarnation()).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(try_open(true).error().code, ErrorCode::kUnavailable);
}

TEST_F(ObjectReplicaTest, WhatAnEarlierLifeOfTheStoreLeftIsNotSeen) {
  open();
  ASSERT_TRUE(put(0));
  ASSERT_TRUE(run(objects.remove(std::string(kIncarnationObjectKey))));
  put_object(std::string(kIncarnationObjectKey), encode_incarnation(4711));
  open(false);
  EXPECT_EQ(replica->incarnation(), 4711u);
  EXPECT_EQ(run(replica->head(key(0))).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(run(replica->list(kChannel, kEpoch))->empty());
}

// --- removing

TEST_F(ObjectReplicaTest, RemovalsAreTriedAgainAndHoldNobodyUp) {
  open();
  for (uint64_t seq = 0; seq < 40; ++seq) ASSERT_TRUE(put(seq));
  ASSERT_TRUE(seal(40));
  store.set_rates({.remove_unavailable = 300});
  const uint64_t steps = executor.steps();
  ASSERT_TRUE(run(replica->remove_below(kChannel, kEpoch, ChunkSeq(30))));
  EXPECT_EQ(executor.steps(), steps) << "the caller waits for no answer of the store";
  executor.run_for(2min);
  EXPECT_TRUE(replica->removed_all());
  EXPECT_EQ(run(replica->list(kChannel, kEpoch))->size(), 11u);
}

TEST_F(ObjectReplicaTest, AChunkThatComesAfterItsRemovalIsRemovedToo) {
  open();
  ASSERT_TRUE(put(5));
  ASSERT_TRUE(run(replica->remove_below(kChannel, kEpoch, ChunkSeq(5))));
  executor.run_for(1s);
  EXPECT_EQ(put(3).value(), PutOutcome::kCreated);
  executor.run_for(1s);
  EXPECT_EQ(run(replica->list(kChannel, kEpoch)).value(), std::vector<ChunkKey>{key(5)});
}

TEST_F(ObjectReplicaTest, MoreThanAPageOfChunksAndSealsIsListedAndRemoved) {
  open();
  for (uint64_t seq = 0; seq < 1500; ++seq) {
    ASSERT_TRUE(seq % 3 == 0 ? seal(seq) : put(seq));
  }
  EXPECT_EQ(run(replica->list(kChannel, kEpoch))->size(), 1500u);
  ASSERT_TRUE(run(replica->remove_below(kChannel, kEpoch, ChunkSeq(1450))));
  executor.run_for(1min);
  const auto left = run(replica->list(kChannel, kEpoch)).value();
  EXPECT_EQ(left.size(), 484u + 50u) << "SEALs, and what lies at or past the watermark";
  EXPECT_EQ(left.back(), key(1499));
}

TEST_F(ObjectReplicaTest, TheLogsOfLostLivesOfAStoreAreNobodyElses) {
  open();
  ASSERT_TRUE(put(0));
  const uint64_t first = replica->incarnation();
  ASSERT_TRUE(run(objects.remove(std::string(kIncarnationObjectKey))));
  EXPECT_EQ(run(check_no_other_log(objects, 0, {})).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(run(check_no_other_log(objects, 0, {first + 1, first})));
  EXPECT_EQ(run(create_marker(objects, 77)), 77u);
  EXPECT_EQ(run(create_marker(objects, 78)), 77u);
  EXPECT_EQ(run(read_marker(objects)), 77u);
  put_object(encode_chunk_object_key(first + 1, key(0)), "another's");
  EXPECT_EQ(run(check_no_other_log(objects, 77, {first})).error().code, ErrorCode::kAlreadyExists);
}

}  // namespace
}  // namespace thalweg::chunk
