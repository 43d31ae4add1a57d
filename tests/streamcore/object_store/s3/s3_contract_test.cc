// The contract of every ObjectStore, against the fake server; and what a prefix keeps apart.
#include "tests/streamcore/object_store/object_store_contract.h"
#include "tests/streamcore/object_store/s3/s3_world.h"

namespace thalweg::object_store::s3 {
namespace {

class FakeBackend final : public ObjectStoreBackend {
 public:
  FakeBackend() {
    S3Limits limits;
    limits.http.connections_max = 16;
    store_ = std::move(*world_.open(world_.config(), limits));
  }
  ObjectStore& store() override { return *store_; }
  base::Executor& executor() override { return world_.executor; }
  void step() override { world_.executor.run_one(); }

 private:
  S3World world_;
  std::unique_ptr<S3ObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(FakeS3, ObjectStoreContract,
                         testing::Values(BackendFactory{
                             "S3", [] { return std::make_unique<FakeBackend>(); }}),
                         [](const auto& info) { return info.param.name; });

TEST(S3Prefix, KeysOfOtherPrefixesAreNotSeen) {
  S3World world;
  S3Config config = world.config();
  config.prefix = "mine/";
  auto store = std::move(*world.open(config));
  world.server.objects["a"] = {"1", ""};
  world.server.objects["mine0"] = {"2", ""};
  ASSERT_EQ(world.put(*store, "a", "mine").value(), PutOutcome::kCreated);
  EXPECT_EQ(world.server.objects["mine/a"].first, "mine");
  const auto page = world.executor.run(store->list("", "")).value();
  ASSERT_EQ(page.objects.size(), 1u);
  EXPECT_EQ(page.objects[0].key, "a");
  EXPECT_EQ(world.executor.run(store->head("a")).value().key, "a");
  EXPECT_EQ(world.put(*store, std::string(1024, 'k'), "").error().code,
            base::ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace thalweg::object_store::s3
