// The contract against the memory store, the local store on a real and on a simulated disk, and the
// buckets of the simulator.
#include "streamcore/base/posix_file_system.h"
#include "streamcore/object_store/local_object_store.h"
#include "streamcore/object_store/memory_object_store.h"
#include "tests/sim/sim_bucket.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/streamcore/base/loop_executor.h"
#include "tests/streamcore/base/temp_directory.h"
#include "tests/streamcore/object_store/object_store_contract.h"

namespace thalweg::object_store {
namespace {

class MemoryBackend final : public ObjectStoreBackend {
 public:
  ObjectStore& store() override { return store_; }
  base::Executor& executor() override { return executor_; }
  void step() override { CHECK(executor_.step()); }

 private:
  sim::SimExecutor executor_;
  MemoryObjectStore store_{executor_};
};

class BucketBackend final : public ObjectStoreBackend {
 public:
  ObjectStore& store() override { return client_; }
  base::Executor& executor() override { return executor_; }
  void step() override { CHECK(executor_.step()); }

 private:
  base::SeededRandom random_{5};
  sim::SimExecutor executor_;
  sim::SimBucket bucket_;
  sim::BucketClient client_{bucket_, executor_, random_};
};

class SimDiskBackend final : public ObjectStoreBackend {
 public:
  SimDiskBackend() { store_ = std::move(*run(LocalObjectStore::open(disk_, executor_, random_))); }
  ObjectStore& store() override { return *store_; }
  base::Executor& executor() override { return executor_; }
  void step() override { CHECK(executor_.step()); }

 private:
  base::SeededRandom random_{3};
  sim::SimExecutor executor_;
  sim::SimFileSystem disk_{executor_, random_};
  std::unique_ptr<LocalObjectStore> store_;
};

class PosixBackend final : public ObjectStoreBackend {
 public:
  PosixBackend() : files_(std::move(*base::PosixFileSystem::open(root_.path(), executor_, {}))) {
    store_ = std::move(*run(LocalObjectStore::open(*files_, executor_, random_)));
  }
  ObjectStore& store() override { return *store_; }
  base::Executor& executor() override { return executor_; }
  void step() override { executor_.run_one(); }

 private:
  base::TempDirectory root_;
  base::SeededRandom random_{4};
  base::LoopExecutor executor_;
  std::unique_ptr<base::PosixFileSystem> files_;
  std::unique_ptr<LocalObjectStore> store_;
};

template <class Backend>
BackendFactory factory(std::string name) {
  return {std::move(name), [] { return std::make_unique<Backend>(); }};
}

INSTANTIATE_TEST_SUITE_P(Backends, ObjectStoreContract,
                         testing::Values(factory<MemoryBackend>("Memory"),
                                         factory<BucketBackend>("SimBucket"),
                                         factory<SimDiskBackend>("LocalOnSimDisk"),
                                         factory<PosixBackend>("LocalOnPosix")),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace thalweg::object_store
