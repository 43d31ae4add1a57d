// MetadataNode: one process of a test with several nodes: an executor of its own, a way to the
// shared bucket, a store. Nodes run only when stepped, so that one that is not stepped is a stalled
// one; crash() drops the process where it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/task_group.h"
#include "streamcore/metadata/object_log_metadata_store.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/metadata/test_bucket.h"

namespace thalweg::metadata {

class MetadataNode {
 public:
  MetadataNode(Bucket& bucket, ObjectLogOptions options) : bucket_(bucket), options_(options) {}
  ~MetadataNode() { crash(); }

  // Starts a process; false if its store did not open (error() says why).
  bool start() {
    crash();
    process_ = std::make_unique<Process>(bucket_, bucket_.random().next());
    auto opened = sim::run(process_->executor,
                           ObjectLogMetadataStore::open(process_->executor, process_->client,
                                                        process_->random, options_));
    if (opened) {
      process_->store = std::move(*opened);
      return true;
    }
    error_ = opened.error();
    crash();
    return false;
  }
  void crash() { process_.reset(); }
  bool alive() const { return process_ != nullptr; }
  const base::Error& error() const { return *error_; }

  ObjectLogMetadataStore& store() { return *process_->store; }
  sim::SimExecutor& executor() { return process_->executor; }
  base::TaskGroup& tasks() { return process_->tasks; }

  base::Status commit(Transaction transaction) {
    return sim::run(executor(), store().commit(std::move(transaction)));
  }
  base::Result<std::optional<std::string>> get(std::string key) {
    return sim::run(executor(), store().get(std::move(key)));
  }
  void stop() { sim::run(executor(), store().stop()); }

 private:
  // In the order of what uses what: a crash destroys the coroutines first, the executor last.
  struct Process {
    Process(Bucket& bucket, uint64_t seed)
        : client(executor, bucket), random(seed), tasks(executor) {}
    sim::SimExecutor executor;
    BucketClient client;
    base::SeededRandom random;
    std::unique_ptr<ObjectLogMetadataStore> store;
    base::TaskGroup tasks;
  };

  Bucket& bucket_;
  ObjectLogOptions options_;
  std::unique_ptr<Process> process_;
  std::optional<base::Error> error_;
};

}  // namespace thalweg::metadata
