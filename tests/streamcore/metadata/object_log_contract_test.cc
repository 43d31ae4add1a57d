// The object log under the contract suite: several brokers' mode, the embedded mode, and one that
// snapshots all the time.
#include "streamcore/object_store/memory_object_store.h"
#include "tests/streamcore/metadata/metadata_node.h"
#include "tests/streamcore/metadata/metadata_store_contract.h"

namespace thalweg::metadata {

namespace {

// The test's own bucket with its random delays and small pages, and the store the product ships.
class TestBucket {
 public:
  explicit TestBucket(sim::SimExecutor& executor) : client_(executor, bucket_) {}
  object_store::ObjectStore& store() { return client_; }

 private:
  Bucket bucket_{1};
  BucketClient client_;
};

class MemoryBucket {
 public:
  explicit MemoryBucket(sim::SimExecutor& executor) : store_(executor) {}
  object_store::ObjectStore& store() { return store_; }

 private:
  object_store::MemoryObjectStore store_;
};

template <class ObjectStoreUnderneath>
class ObjectLogUnderTest final : public StoreUnderTest {
 public:
  ObjectLogUnderTest(sim::SimExecutor& executor, ObjectLogOptions options)
      : objects_(executor), random_(2) {
    store_ = *sim::run(executor,
                       ObjectLogMetadataStore::open(executor, objects_.store(), random_, options));
  }
  MetadataStore& store() override { return *store_; }

 private:
  ObjectStoreUnderneath objects_;
  base::SeededRandom random_;
  std::unique_ptr<ObjectLogMetadataStore> store_;
};

template <class ObjectStoreUnderneath>
ContractBackend backend(std::string name, ObjectLogOptions options) {
  return {.name = std::move(name), .make = [options](sim::SimExecutor& executor) {
            return std::make_unique<ObjectLogUnderTest<ObjectStoreUnderneath>>(executor, options);
          }};
}

INSTANTIATE_TEST_SUITE_P(
    ObjectLog, MetadataStoreContract,
    testing::Values(backend<TestBucket>("Shared", {}),
                    backend<TestBucket>("SingleWriter", {.single_writer = true}),
                    backend<TestBucket>("ManySnapshots", {.snapshot_entries = 2}),
                    backend<MemoryBucket>("OverMemory", {}),
                    backend<MemoryBucket>("OverMemorySingleWriter",
                                          {.single_writer = true, .snapshot_entries = 2})),
    [](const auto& info) { return info.param.name; });

}  // namespace

}  // namespace thalweg::metadata
