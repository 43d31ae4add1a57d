// The contract against the replica of tests, the local replica on a real and on a simulated disk,
// and replicas over an object store.
#include "streamcore/base/posix_file_system.h"
#include "streamcore/chunk/local_replica.h"
#include "streamcore/chunk/object_replica.h"
#include "streamcore/object_store/local_object_store.h"
#include "streamcore/object_store/memory_object_store.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/streamcore/base/loop_executor.h"
#include "tests/streamcore/base/temp_directory.h"
#include "tests/streamcore/chunk/chunk_replica_contract.h"
#include "tests/streamcore/chunk/memory_replica.h"

namespace thalweg::chunk {
namespace {

constexpr LocalReplicaOptions kLocalOptions{.file_bytes = 64 << 10, .usual_chunk_bytes = 16 << 10};

// What runs in virtual time.
class SimBackend : public ReplicaBackend {
 public:
  base::Executor& executor() override { return executor_; }
  void step() override { CHECK(executor_.step()); }

 protected:
  base::SeededRandom random_{3};
  sim::SimExecutor executor_;
};

class MemoryBackend final : public SimBackend {
 public:
  ChunkReplica& replica() override { return replica_; }
  void reopen() override {}

 private:
  MemoryStore store_{17};
  MemoryReplica replica_{store_, executor_, random_};
};

class LocalOnSimDisk final : public SimBackend {
 public:
  LocalOnSimDisk() { open(); }
  ~LocalOnSimDisk() override { close(); }
  ChunkReplica& replica() override { return *replica_; }
  void reopen() override {
    close();
    open();
  }
  bool adopts() const override { return false; }

 private:
  void open() {
    replica_ = std::move(*run(LocalReplica::open(disk_, executor_, random_, kLocalOptions)));
  }
  void close() {
    run(base::as_value(replica_->stop_and_join()));
    replica_.reset();
  }

  sim::SimFileSystem disk_{executor_, random_};
  std::unique_ptr<LocalReplica> replica_;
};

class LocalOnPosix final : public ReplicaBackend {
 public:
  LocalOnPosix() : files_(std::move(*base::PosixFileSystem::open(root_.path(), executor_, {}))) {
    open();
  }
  ~LocalOnPosix() override { close(); }
  ChunkReplica& replica() override { return *replica_; }
  base::Executor& executor() override { return executor_; }
  void step() override { executor_.run_one(); }
  void reopen() override {
    close();
    open();
  }
  bool adopts() const override { return false; }

 private:
  void open() {
    replica_ = std::move(*run(LocalReplica::open(*files_, executor_, random_, kLocalOptions)));
  }
  void close() {
    run(base::as_value(replica_->stop_and_join()));
    replica_.reset();
  }

  base::TempDirectory root_;
  base::SeededRandom random_{4};
  base::LoopExecutor executor_;
  std::unique_ptr<base::PosixFileSystem> files_;
  std::unique_ptr<LocalReplica> replica_;
};

template <class Backend>
ReplicaFactory factory(std::string name) {
  return {std::move(name), [] { return std::make_unique<Backend>(); }};
}

// An ObjectReplica over the store that a Base brings, with its executor.
template <class Base>
class ObjectsOn final : public Base {
 public:
  ObjectsOn() { open(true); }
  ~ObjectsOn() override { close(); }
  ChunkReplica& replica() override { return *replica_; }
  void reopen() override {
    close();
    open(false);
  }
  void finish_removals() override {
    while (!replica_->removed_all()) this->step();
  }

 private:
  void open(bool create) {
    auto opened = this->run(ObjectReplica::open(this->store(), this->executor(), this->random_,
                                                {.create_if_empty = create}));
    CHECK(opened.has_value());
    replica_ = std::move(*opened);
  }
  void close() {
    this->run(base::as_value(replica_->stop_and_join()));
    replica_.reset();
  }
  std::unique_ptr<ObjectReplica> replica_;
};

class MemoryObjects : public SimBackend {
 protected:
  object_store::ObjectStore& store() { return store_; }

 private:
  object_store::MemoryObjectStore store_{executor_};
};

class SimDiskObjects : public SimBackend {
 protected:
  SimDiskObjects() {
    store_ = std::move(*run(object_store::LocalObjectStore::open(disk_, executor_, random_)));
  }
  object_store::ObjectStore& store() { return *store_; }

 private:
  sim::SimFileSystem disk_{executor_, random_};
  std::unique_ptr<object_store::LocalObjectStore> store_;
};

class PosixObjects : public ReplicaBackend {
 public:
  base::Executor& executor() override { return executor_; }
  void step() override { executor_.run_one(); }

 protected:
  PosixObjects() : files_(std::move(*base::PosixFileSystem::open(root_.path(), executor_, {}))) {
    store_ = std::move(*run(object_store::LocalObjectStore::open(*files_, executor_, random_)));
  }
  object_store::ObjectStore& store() { return *store_; }
  base::SeededRandom random_{4};

 private:
  base::TempDirectory root_;
  base::LoopExecutor executor_;
  std::unique_ptr<base::PosixFileSystem> files_;
  std::unique_ptr<object_store::LocalObjectStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Backends, ChunkReplicaContract,
                         testing::Values(factory<MemoryBackend>("Memory"),
                                         factory<LocalOnSimDisk>("LocalOnSimDisk"),
                                         factory<LocalOnPosix>("LocalOnPosix"),
                                         factory<ObjectsOn<MemoryObjects>>("ObjectsInMemory"),
                                         factory<ObjectsOn<SimDiskObjects>>("ObjectsOnSimDisk"),
                                         factory<ObjectsOn<PosixObjects>>("ObjectsLocalOnPosix")),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace thalweg::chunk
