// What a start waits for, over metadata that are far away.
#include "tests/streamcore/stream/far_metadata.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using namespace std::chrono_literals;

class StartTimesTest : public StreamStoreTest {
 protected:
  ~StartTimesTest() override {
    store_.reset();
    far_.reset();
  }
  metadata::MetadataStore& store_metadata() override {
    store_.reset();
    far_ = std::make_unique<FarMetadata>(*executor_, *metadata_);
    far_->hides_objects = hides_objects_;
    opening_since_ = executor_->now();
    return *far_;
  }
  base::Duration opening_took() const { return executor_->now() - opening_since_; }

  std::unique_ptr<FarMetadata> far_;
  bool hides_objects_ = false;
  base::TimePoint opening_since_;
};

TEST_F(StartTimesTest, TheRowsOfAllStreamsInTheLogAreReadAtOnce) {
  open();
  for (uint64_t i = 1; i <= 50; ++i) append_durably(StreamId(i), 'x');
  store_.reset();
  crash_and_reopen();
  EXPECT_LT(opening_took(), 1s) << "fifty rows of 100 ms, one after the other, are five";
  for (uint64_t i = 1; i <= 50; ++i) EXPECT_EQ(read_all(StreamId(i)), "x");
}

TEST_F(StartTimesTest, AStartAfterACrashAsksMetadataOnceAndCommitsThreeTimes) {
  open();
  append_durably(kA, 'a');
  store_.reset();
  crash_and_reopen();
  EXPECT_EQ(opening_took(), 400ms) << "channels; SEALING; CLOSED, and the streams; OPEN";
  EXPECT_EQ(read_all(kA), "a");
}

TEST_F(StartTimesTest, TheFirstOffloadWaitsForTheSweepAndTheStartDoesNot) {
  open();
  append_durably(kA, 'a');
  store_.reset();
  hides_objects_ = true;
  crash_and_reopen();
  EXPECT_LT(opening_took(), 2s);
  append_durably(kA, 'b');
  base::TaskRunner<base::Status> offload(store_->offload_all());
  executor_->run_for(30s);
  EXPECT_FALSE(offload.done());
  EXPECT_EQ(segment_count(), 0u);
  far_->hides_objects = false;
  executor_->run_for(30s);
  ASSERT_TRUE(offload.done());
  EXPECT_TRUE(offload.take().has_value());
  EXPECT_GE(segment_count(), 1u);
  EXPECT_EQ(read_all(kA), "ab");
}

}  // namespace
}  // namespace thalweg
