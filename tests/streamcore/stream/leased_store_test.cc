// A store whose metadata are far away, whose owner is told by a lease, and what another owner
// finds.
#include "streamcore/base/log.h"
#include "streamcore/metadata/lease.h"
#include "streamcore/metadata/owned_metadata_store.h"
#include "tests/streamcore/stream/far_metadata.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using base::ErrorCode;
using namespace std::chrono_literals;

// Its own changes wait while it is cut off; what others do does not.
class CutMetadata final : public metadata::MetadataStore {
 public:
  CutMetadata(base::Executor& executor, metadata::MetadataStore& store)
      : executor_(executor), store_(store) {}
  bool cut = false;

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override {
    return store_.get(std::move(key));
  }
  base::Task<base::Result<std::vector<metadata::KeyValue>>> scan(std::string prefix,
                                                                 std::string start_after,
                                                                 size_t limit) override {
    return store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  base::Task<base::Status> commit(metadata::Transaction transaction) override {
    while (cut) co_await base::sleep_for(executor_, 10ms);
    co_return co_await store_.commit(std::move(transaction));
  }

 private:
  base::Executor& executor_;
  metadata::MetadataStore& store_;
};

class DistantMetadataTest : public StreamStoreTest {
 protected:
  ~DistantMetadataTest() override {
    store_.reset();
    far_.reset();
  }
  metadata::MetadataStore& store_metadata() override {
    far_ = std::make_unique<FarMetadata>(*executor_, *metadata_);
    return *far_;
  }
  std::unique_ptr<FarMetadata> far_;
};

TEST_F(DistantMetadataTest, StreamsThatAreOpenedTogetherAreLookedUpTogether) {
  open();
  std::vector<StreamId> streams;
  for (uint64_t i = 1; i <= 1000; ++i) streams.push_back(StreamId(i));
  const base::TimePoint began = executor_->now();
  ASSERT_TRUE(run(*executor_, store_->open_for_append(streams)).has_value());
  EXPECT_LT(executor_->now() - began, 1s);
  for (const StreamId stream : streams) EXPECT_TRUE(store_->is_open_for_append(stream));
}

class LeasedStoreTest : public StreamStoreTest {
 protected:
  LeasedStoreTest() {
    base::set_log_sink([this](base::LogLevel level, std::string_view line) {
      if (level == base::LogLevel::kError) errors_.emplace_back(line);
    });
  }
  ~LeasedStoreTest() override {
    base::set_log_sink({});
    store_.reset();
    owned_.reset();
    lease_.reset();
    cut_.reset();
  }
  metadata::MetadataStore& store_metadata() override {
    lease();
    return *owned_;
  }
  metadata::Lease* lease() override {
    if (lease_) return lease_.get();
    cut_ = std::make_unique<CutMetadata>(*executor_, *metadata_);
    lease_ = make_lease(*cut_, "the first");
    EXPECT_TRUE(run(*executor_, lease_->acquire()).has_value());
    owned_ = std::make_unique<metadata::OwnedMetadataStore>(*cut_, *lease_);
    return lease_.get();
  }
  std::unique_ptr<metadata::Lease> make_lease(metadata::MetadataStore& store, std::string name) {
    return std::make_unique<metadata::Lease>(
        metadata::Lease::Parts{*executor_, *clock_, random_, store}, std::move(name),
        metadata::LeaseOptions{});
  }
  // A started append, which is on a quorum after this.
  LogPosition append_to_the_log(StreamId stream, char tag) {
    const size_t before = chunks_.registers().size();
    const auto appended = append(stream, tag);
    EXPECT_TRUE(appended.has_value());
    executor_->run_for(50ms);
    EXPECT_GT(chunks_.registers().size(), before);
    return appended->position;
  }
  bool acknowledged(LogPosition position) {
    base::TaskRunner<base::Status> waiting(store_->durable(position));
    return waiting.done() && waiting.take().has_value();
  }

  std::unique_ptr<CutMetadata> cut_;
  std::unique_ptr<metadata::Lease> lease_;
  std::unique_ptr<metadata::OwnedMetadataStore> owned_;
  std::vector<std::string> errors_;
};

TEST_F(LeasedStoreTest, ALapsedLeaseHoldsBackTheAcknowledgementUntilItIsRenewed) {
  open();
  append_durably(kA, 'a');
  executor_->run_for(1min);
  EXPECT_FALSE(store_->is_owner());
  cut_->cut = true;
  const LogPosition position = append_to_the_log(kA, 'b');
  executor_->run_for(1s);
  EXPECT_FALSE(acknowledged(position));
  EXPECT_EQ(read_all(kA), "a");
  cut_->cut = false;
  executor_->run_for(100ms);
  EXPECT_TRUE(acknowledged(position));
  EXPECT_EQ(read_all(kA), "ab");
  EXPECT_TRUE(store_->is_owner());
}

TEST_F(LeasedStoreTest, AnOwnerThatWasTakenOverAcknowledgesNothingMore) {
  open();
  append_durably(kA, 'a');
  cut_->cut = true;
  executor_->run_for(1min);
  const auto other = make_lease(*metadata_, "the second");
  ASSERT_TRUE(run(*executor_, other->acquire()).has_value());
  const LogPosition position = append_to_the_log(kA, 'b');
  cut_->cut = false;
  executor_->run_for(1s);
  const base::Status told = run(*executor_, store_->durable(position));
  ASSERT_FALSE(told.has_value());
  EXPECT_EQ(told.error().code, ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(store_->stopped(ChannelId(0)));
  EXPECT_EQ(read_all(kA), "a");
  EXPECT_EQ(run(*executor_, store_->prove_ownership()).error().code, ErrorCode::kFenced);
  EXPECT_EQ(append(kB, 'x').error().code, ErrorCode::kFenced);
  EXPECT_EQ(run(*executor_, store_->stop()).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(errors_.size(), 2u) << "the lease is lost, the log has stopped";
}

// Another owner may have written to it by now.
TEST_F(LeasedStoreTest, ADeletionOfAStreamWithoutARowNeedsAProofOfOwnership) {
  open();
  EXPECT_TRUE(run(*executor_, store_->remove({kB})).has_value());
  cut_->cut = true;
  executor_->run_for(1min);
  const auto other = make_lease(*metadata_, "the second");
  ASSERT_TRUE(run(*executor_, other->acquire()).has_value());
  cut_->cut = false;
  const base::Status removed = run(*executor_, store_->remove({kA}));
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().code, ErrorCode::kFenced);
}

}  // namespace
}  // namespace thalweg
