// The object log under the contract suite: several brokers' mode, the embedded mode, and one that
// snapshots all the time.
#include "tests/streamcore/metadata/metadata_node.h"
#include "tests/streamcore/metadata/metadata_store_contract.h"

namespace thalweg::metadata {

namespace {

class ObjectLogUnderTest final : public StoreUnderTest {
 public:
  ObjectLogUnderTest(sim::SimExecutor& executor, ObjectLogOptions options)
      : bucket_(1), client_(executor, bucket_), random_(2) {
    store_ = *sim::run(executor, ObjectLogMetadataStore::open(executor, client_, random_, options));
  }
  MetadataStore& store() override { return *store_; }

 private:
  Bucket bucket_;
  BucketClient client_;
  base::SeededRandom random_;
  std::unique_ptr<ObjectLogMetadataStore> store_;
};

ContractBackend backend(std::string name, ObjectLogOptions options) {
  return {.name = std::move(name), .make = [options](sim::SimExecutor& executor) {
            return std::make_unique<ObjectLogUnderTest>(executor, options);
          }};
}

INSTANTIATE_TEST_SUITE_P(ObjectLog, MetadataStoreContract,
                         testing::Values(backend("Shared", {}),
                                         backend("SingleWriter", {.single_writer = true}),
                                         backend("ManySnapshots", {.snapshot_entries = 2})),
                         [](const auto& info) { return info.param.name; });

}  // namespace

}  // namespace thalweg::metadata
