#include "streamcore/metadata/memory_metadata_store.h"

#include "tests/streamcore/metadata/metadata_store_contract.h"

namespace thalweg::metadata {

namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  explicit MemoryUnderTest(sim::SimExecutor& executor) : store_(executor) {}
  MetadataStore& store() override { return store_; }

 private:
  MemoryMetadataStore store_;
};

const ContractBackend kMemory{.name = "Memory", .make = [](sim::SimExecutor& executor) {
                                return std::make_unique<MemoryUnderTest>(executor);
                              }};

TEST(MemoryMetadataStore, AnswersAsynchronously) {
  sim::SimExecutor executor;
  MemoryMetadataStore store(executor);
  const uint64_t before = executor.steps();
  ASSERT_TRUE(sim::run(executor, store.commit(Transaction().set("a", "1"))));
  EXPECT_GE(executor.steps() - before, 2u);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, MetadataStoreContract, testing::Values(kMemory),
                         [](const auto& info) { return info.param.name; });

}  // namespace thalweg::metadata
