// MemoryStore and MemoryReplica: a store of write-once registers in memory, and one client's view
// of it with faults.
//
// The store is the bucket: it outlives clients and remembers every content a register ever had. A
// replica is how one process reaches it, over a network that delays, loses answers, and lets a
// request land long after it was given up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/chunk/chunk_replica.h"

namespace thalweg::chunk {

class MemoryStore {
 public:
  explicit MemoryStore(uint64_t incarnation) : incarnation_(incarnation) {}

  PutOutcome put(const ChunkKey& key, base::ByteView bytes);
  // Null if the register is empty.
  const base::Slice* get(const ChunkKey& key) const;
  std::vector<ChunkKey> list(ChannelId channel, ChannelEpoch epoch) const;
  void remove_below(ChannelId channel, ChannelEpoch epoch, ChunkSeq free_below);

  // Loses everything and goes on, as a replaced disk does: under a new incarnation, or (what must
  // never happen) under the old one.
  void wipe(uint64_t incarnation);
  // Flips one bit of what the register holds.
  void damage(const ChunkKey& key, uint64_t bit);
  void erase(const ChunkKey& key) { registers_.erase(key); }

  uint64_t incarnation() const { return incarnation_; }
  const std::map<ChunkKey, base::Slice>& registers() const { return registers_; }
  // A bug to be seen: a put that lands late takes the register, whatever holds it.
  bool late_puts_win = false;
  // Called after each register is created.
  std::function<void(const ChunkKey&)> on_created;

 private:
  std::map<ChunkKey, base::Slice> registers_;
  uint64_t incarnation_;
};

struct NetworkFaults {
  base::Duration delay_max{0};        // of each request and of each answer
  uint32_t lost_request_percent = 0;  // never lands, answered unknown
  uint32_t lost_answer_percent = 0;   // lands, answered unknown
  uint32_t late_landing_percent = 0;  // answered unknown, lands within late_max
  base::Duration late_max = std::chrono::seconds(30);
  bool down = false;   // every request fails
  bool dead = false;   // puts answer kUnavailable: dead for good
  bool hangs = false;  // requests are never answered
};

class MemoryReplica final : public ChunkReplica {
 public:
  MemoryReplica(MemoryStore& store, base::Executor& executor, base::Random& random)
      : store_(store), executor_(executor), random_(random) {}

  NetworkFaults faults;
  uint64_t put_calls = 0;
  uint64_t index_reads = 0;
  uint64_t identity_checks = 0;

  base::Task<base::Result<PutOutcome>> put_if_absent(ChunkKey key, base::Slice chunk) override;
  base::Task<base::Result<ChunkHeader>> head(ChunkKey key) override;
  base::Task<base::Result<base::Slice>> read(ChunkKey key) override;
  base::Task<base::Result<base::Slice>> read_range(ChunkKey key, uint64_t position,
                                                   uint64_t length) override;
  base::Task<base::Result<std::vector<IndexedEntry>>> read_index(ChunkKey key) override;
  base::Task<base::Result<PutOutcome>> seal(ChunkKey key, uint64_t sealer_nonce) override;
  base::Task<base::Result<std::vector<ChunkKey>>> list(ChannelId channel,
                                                       ChannelEpoch epoch) override;
  base::Task<base::Status> make_durable() override;
  base::Task<base::Status> remove_below(ChannelId channel, ChannelEpoch epoch,
                                        ChunkSeq free_below) override;
  uint64_t ready_bytes(ChannelId, uint64_t) override { return UINT64_MAX; }
  base::Task<base::Status> make_ready(ChannelId, uint64_t) override;
  uint64_t incarnation() const override { return store_.incarnation(); }
  base::Task<base::Status> check_incarnation() override;

 private:
  bool chance(uint32_t percent) { return percent != 0 && random_.below(100) < percent; }
  // The way there or back; an error if the network fails the request on it.
  base::Task<base::Status> travel();
  base::Task<base::Result<PutOutcome>> put(ChunkKey key, base::Slice bytes);
  base::Task<base::Result<base::Slice>> get(ChunkKey key);

  MemoryStore& store_;
  base::Executor& executor_;
  base::Random& random_;
};

}  // namespace thalweg::chunk
