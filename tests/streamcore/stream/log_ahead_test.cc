// A log that is read before it may be taken over.
#include "streamcore/channel/log_ahead.h"

#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using namespace std::chrono_literals;

class LogAheadTest : public StreamStoreTest {
 protected:
  LogAheadTest() { options_.default_class = StorageClass::kExpress; }
  ~LogAheadTest() override { end(); }

  // A process that reads ahead for a while before it opens the store.
  channel::LogAhead* ahead() override {
    if (beside_) return beside_.get();
    express_ = std::make_unique<chunk::MemoryReplica>(express_chunks_, *executor_, random_);
    logs_.set(StorageClass::kExpress, {express_.get()});
    ahead_ = std::make_unique<channel::LogAhead>(*executor_, *metadata_, logs_,
                                                 std::vector{StorageClass::kExpress}, bytes_max_);
    express_->faults.down = down_;
    express_->faults.hangs = hangs_;
    ahead_->start();
    executor_->run_for(1s);
    run(*executor_, stop_ahead());
    express_->faults = {};
    read_ahead_ = express_->index_reads;
    return ahead_.get();
  }
  base::Task<base::Status> stop_ahead() {
    co_await ahead_->stop();
    co_return base::Status{};
  }
  void end() {
    store_.reset();
    beside_.reset();
    ahead_.reset();
    express_.reset();
  }
  void start_again() {
    end();
    crash_and_reopen();
  }
  // While the owner is at work. It is killed then, and what was read is for who opens the store.
  void read_beside_the_owner() {
    beside_ = std::make_unique<channel::LogAhead>(*executor_, *metadata_, logs_,
                                                  std::vector{StorageClass::kExpress});
    beside_->start();
    executor_->run_for(1s);
  }
  void kill_and_take_over() {
    store_.reset();
    run(*executor_, beside_->stop());
    read_ahead_ = express_->index_reads;
    const base::Status opened = open_store();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  ChunkSeq last_chunk() const {
    return express_chunks_.list(ChannelId(0), ChannelEpoch(1)).back().seq;
  }
  void write_five() {
    open();
    for (const char tag : {'a', 'b', 'c', 'd', 'e'}) append_durably(kA, tag);
  }
  uint64_t read_at_the_opening() const { return express_->index_reads - read_ahead_; }
  static chunk::ChunkKey key(uint64_t seq) {
    return {ChannelId(0), ChannelEpoch(1), ChunkSeq(seq)};
  }

  chunk::MemoryStore express_chunks_{12};
  std::unique_ptr<chunk::MemoryReplica> express_;
  std::unique_ptr<channel::LogAhead> ahead_;
  std::unique_ptr<channel::LogAhead> beside_;
  size_t bytes_max_ = channel::LogAhead::kBytesMax;
  bool down_ = false;
  bool hangs_ = false;
  uint64_t read_ahead_ = 0;
};

TEST_F(LogAheadTest, WhatWasReadBeforeIsNotReadAgain) {
  write_five();
  start_again();
  EXPECT_GE(read_ahead_, 5u);
  EXPECT_EQ(read_at_the_opening(), 0u);
  EXPECT_EQ(read_all(kA), "abcde");
  append_durably(kA, 'f');
  start_again();
  EXPECT_EQ(read_all(kA), "abcdef") << "of two epochs";
}

TEST_F(LogAheadTest, WhatTheOwnerOffloadedSinceIsNoPartOfTheLog) {
  write_five();
  read_beside_the_owner();
  append_durably(kA, 'f');
  ASSERT_TRUE(run(*executor_, store_->offload_all()));
  append_durably(kA, 'g');
  kill_and_take_over();
  EXPECT_EQ(read_all(kA), "abcdefg");
  EXPECT_EQ(read_at_the_opening(), 1u) << "what was appended since is all that the log has";
  EXPECT_LT(store_->outstanding_log_bytes(), 2 * chunk::kChunkAlignment);
}

TEST_F(LogAheadTest, WhatTheOwnerAppendsAfterItWasReadIsFoundAtTheOpening) {
  write_five();
  read_beside_the_owner();
  append_durably(kA, 'f');
  append_durably(kA, 'g');
  kill_and_take_over();
  EXPECT_EQ(read_all(kA), "abcdefg");
  EXPECT_GE(read_at_the_opening(), 2u);
  EXPECT_LT(read_at_the_opening(), 5u);
}

TEST_F(LogAheadTest, AChunkBehindTheEndOfTheLogIsReadAndNotBelieved) {
  write_five();
  // The one before it never came, so that neither was acknowledged.
  const ChunkSeq end = last_chunk() + 1;
  chunk::ChunkBuilder builder(base::Buffer::allocate(chunk::kChunkAlignment));
  const std::string payload(100, 'z');
  builder.add({.stream = kA, .base = Offset(6), .count = 1, .length = 100},
              base::as_bytes(payload));
  const chunk::FinishedChunk stray = builder.finish(
      {.incarnation = 12, .channel = ChannelId(0), .epoch = ChannelEpoch(1), .seq = end + 1}, end);
  express_chunks_.put(chunk::key_of(stray.header), stray.bytes());
  start_again();
  EXPECT_GE(read_ahead_, 6u);
  EXPECT_EQ(read_all(kA), "abcde");
  append_durably(kA, 'f');
  EXPECT_EQ(read_all(kA), "abcdef");
}

TEST_F(LogAheadTest, WhatIsTooMuchToKeepIsReadAtTheOpening) {
  write_five();
  bytes_max_ = 1;
  start_again();
  EXPECT_GE(read_at_the_opening(), 5u);
  EXPECT_EQ(read_all(kA), "abcde");
}

TEST_F(LogAheadTest, WhatCouldNotBeReadBeforeIsReadAtTheOpening) {
  write_five();
  down_ = true;
  start_again();
  EXPECT_GE(read_at_the_opening(), 5u);
  EXPECT_EQ(read_all(kA), "abcde");
}

TEST_F(LogAheadTest, AStoreThatDoesNotAnswerHoldsUpNobody) {
  write_five();
  hangs_ = true;
  const base::TimePoint began = executor_->now();
  start_again();
  EXPECT_LT(executor_->now() - began, 3s);
  EXPECT_EQ(read_all(kA), "abcde");
}

TEST_F(LogAheadTest, WhatWasReadOfAnotherStoreIsNotUsed) {
  write_five();
  end();
  crash();
  executor_ = std::make_unique<sim::SimExecutor>(now_);
  objects_->attach(*executor_);
  metadata_ = *run(*executor_, metadata::ObjectLogMetadataStore::open(
                                   *executor_, *objects_, random_, {.single_writer = true}));
  ASSERT_NE(ahead(), nullptr);
  EXPECT_FALSE(ahead_->take(key(1), {13}).has_value());
  EXPECT_TRUE(ahead_->take(key(2), {12}).has_value());
  EXPECT_FALSE(ahead_->take(key(2), {12}).has_value()) << "it was given away";
}

}  // namespace
}  // namespace thalweg
