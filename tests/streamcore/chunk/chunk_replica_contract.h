// ChunkReplicaContract: what every ChunkReplica keeps, checked the same way against each backend.
//
// A backend's test file names it: INSTANTIATE_TEST_SUITE_P(Memory, ChunkReplicaContract,
// Values(factory)).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/chunk/chunk_replica.h"
#include "tests/streamcore/base/task_runner.h"

namespace thalweg::chunk {

// A replica on a store that was empty, and what it runs on.
class ReplicaBackend {
 public:
  virtual ~ReplicaBackend() = default;
  virtual ChunkReplica& replica() = 0;
  virtual base::Executor& executor() = 0;
  // Runs one callback of the executor; waits for one if the backend works in real time.
  virtual void step() = 0;
  // Ends the replica's process and begins another on the same store.
  virtual void reopen() = 0;
  // Waits for what removals left to be done behind the caller.
  virtual void finish_removals() {}
  // Whether there are adopted copies; a replica that is always alone needs none.
  virtual bool adopts() const { return true; }

  template <class T>
  T run(base::Task<T> task) {
    base::TaskRunner<T> runner(std::move(task));
    while (!runner.done()) step();
    return runner.take();
  }
};

struct ReplicaFactory {
  std::string name;
  std::function<std::unique_ptr<ReplicaBackend>()> make;
  friend void PrintTo(const ReplicaFactory& factory, std::ostream* out) { *out << factory.name; }
};

class ChunkReplicaContract : public testing::TestWithParam<ReplicaFactory> {
 protected:
  static constexpr ChannelId kChannel{1};
  static constexpr ChannelEpoch kEpoch{5};
  static constexpr uint64_t kSealer = 99;

  ChunkReplicaContract() : backend_(GetParam().make()) {}

  ChunkReplica& replica() { return backend_->replica(); }
  template <class T>
  T run(base::Task<T> task) {
    return backend_->run(std::move(task));
  }
  static ChunkKey key(uint64_t seq, ChannelEpoch epoch = kEpoch) {
    return {kChannel, epoch, ChunkSeq(seq)};
  }
  static ChunkKey adopted(uint64_t seq) { return {kChannel, kEpoch, ChunkSeq(seq), true}; }
  // A chunk of one entry, or of none if `length` is 0.
  FinishedChunk chunk(ChunkKey key, size_t length = 100);
  base::Result<PutOutcome> put(ChunkKey key, const FinishedChunk& chunk) {
    return run(replica().put_if_absent(key, chunk.slice()));
  }
  void put_all(uint64_t begin, uint64_t end, ChannelEpoch epoch = kEpoch);
  base::Result<PutOutcome> seal(ChunkKey key) { return run(replica().seal(key, kSealer)); }
  std::vector<ChunkKey> list(ChannelEpoch epoch = kEpoch) {
    return run(replica().list(kChannel, epoch)).value();
  }
  void remove_below(uint64_t seq, ChannelEpoch epoch = kEpoch);
  // The register holds exactly this chunk, read in every way there is.
  void expect_holds(ChunkKey key, const FinishedChunk& chunk);
  void expect_empty(ChunkKey key);
  void expect_sealed(ChunkKey key);

  std::unique_ptr<ReplicaBackend> backend_;
};

}  // namespace thalweg::chunk
