// A stream's row that was read before the stream was deleted, and arrives after.
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

// Metadata whose answers to gets may travel for a while.
class LateMetadata final : public metadata::MetadataStore {
 public:
  LateMetadata(metadata::MetadataStore& store, base::Executor& executor)
      : store_(store), executor_(executor) {}

  base::Duration delay{0};

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override {
    const base::Duration travels = delay;
    auto value = co_await store_.get(std::move(key));
    if (travels > base::Duration(0)) co_await base::sleep_for(executor_, travels);
    co_return value;
  }
  base::Task<base::Result<std::vector<metadata::KeyValue>>> scan(std::string prefix,
                                                                 std::string start_after,
                                                                 size_t limit) override {
    return store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  base::Task<base::Status> commit(metadata::Transaction transaction) override {
    return store_.commit(std::move(transaction));
  }

 private:
  metadata::MetadataStore& store_;
  base::Executor& executor_;
};

class LateRowTest : public StreamStoreTest {
 protected:
  ~LateRowTest() override { crash(); }
  metadata::MetadataStore& store_metadata() override {
    late_ = std::make_unique<LateMetadata>(*metadata_, *executor_);
    return *late_;
  }

  std::unique_ptr<LateMetadata> late_;
};

TEST_F(LateRowTest, OfADeletedStreamDoesNotBringItBack) {
  open();
  append_durably(kA, 'a');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  crash_and_reopen();
  late_->delay = std::chrono::minutes(5);
  base::TaskRunner<base::Status> opening(store_->open_for_append({kA}));
  executor_->run_for(std::chrono::seconds(1));
  late_->delay = base::Duration(0);
  ASSERT_TRUE(run(*executor_, store_->remove({kA})).has_value());
  executor_->run_for(std::chrono::minutes(6));
  ASSERT_TRUE(opening.done());
  EXPECT_FALSE(store_->is_open_for_append(kA));
  EXPECT_EQ(append(kA, 'b').error().code, base::ErrorCode::kNotFound);
  append_durably(kB, 'c');
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_FALSE(store_->stopped(ChannelId(0)));
}

}  // namespace
}  // namespace thalweg
