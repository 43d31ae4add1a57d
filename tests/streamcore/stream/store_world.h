// StoreWorld: one process with a stream store, over stores in memory that outlive it; its logs are
// local and, once used, express. A crash
// destroys every frame, then the executor with all it had queued.
#pragma once

#include <memory>

#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/object_store/memory_object_store.h"
#include "streamcore/stream_store.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/chunk/memory_replica.h"
#include "tests/streamcore/stream/open_logs.h"

namespace thalweg {

class StoreWorld {
 public:
  explicit StoreWorld(const EntryRules& rules) : rules_(rules) {}
  ~StoreWorld() { crash(); }
  StoreWorld(const StoreWorld&) = delete;
  StoreWorld& operator=(const StoreWorld&) = delete;

  // Starts the process; whoever works on its store is built after this and gone before crash().
  void open() {
    executor_ = std::make_unique<sim::SimExecutor>(now_);
    clock_ = std::make_unique<sim::SimClock>(*executor_);
    if (!objects_) objects_ = std::make_unique<object_store::MemoryObjectStore>(*executor_);
    objects_->attach(*executor_);
    replica_ = std::make_unique<chunk::MemoryReplica>(chunks_, *executor_, random_);
    logs_.set(StorageClass::kLocal, {replica_.get()});
    express_ = std::make_unique<chunk::MemoryReplica>(express_chunks_, *executor_, random_);
    logs_.set(StorageClass::kExpress, {express_.get()});
    auto metadata =
        sim::run(*executor_, metadata::ObjectLogMetadataStore::open(*executor_, *objects_, random_,
                                                                    {.single_writer = true}));
    CHECK(metadata.has_value());
    metadata_ = std::move(*metadata);
    auto opened = sim::run(*executor_, StreamStore::open({.executor = *executor_,
                                                          .clock = *clock_,
                                                          .random = random_,
                                                          .objects = *objects_,
                                                          .metadata = *metadata_,
                                                          .logs = logs_,
                                                          .rules = rules_},
                                                         options));
    CHECK(opened.has_value());
    store_ = std::move(*opened);
  }
  void crash() {
    store_.reset();
    metadata_.reset();
    replica_.reset();
    express_.reset();
    clock_.reset();
    if (executor_) now_ = executor_->now();
    executor_.reset();
  }

  sim::SimExecutor& executor() { return *executor_; }
  sim::SimClock& clock() { return *clock_; }
  base::Random& random() { return random_; }
  metadata::MetadataStore& metadata() { return *metadata_; }
  StreamStore& store() { return *store_; }
  chunk::MemoryReplica& log() { return *replica_; }
  chunk::MemoryReplica& express_log() { return *express_; }
  OpenLogs& logs() { return logs_; }

  StreamStoreOptions options;

 private:
  const EntryRules& rules_;
  base::TimePoint now_{};
  base::SeededRandom random_{7};
  chunk::MemoryStore chunks_{11};
  chunk::MemoryStore express_chunks_{12};
  std::unique_ptr<object_store::MemoryObjectStore> objects_;
  std::unique_ptr<sim::SimExecutor> executor_;
  std::unique_ptr<sim::SimClock> clock_;
  std::unique_ptr<chunk::MemoryReplica> replica_;
  std::unique_ptr<chunk::MemoryReplica> express_;
  OpenLogs logs_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<StreamStore> store_;
};

}  // namespace thalweg
