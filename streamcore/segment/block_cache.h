// BlockCache: blocks of segments in memory, bounded in bytes, least recently used out first. What a
// sequential read has passed goes before that, and never takes more than a share of the cache: a
// scan does not push out what is read again.
//
// Blocks that one GET brought share its buffer, so they are kept and evicted together: what the
// cache counts is the memory of that buffer. A block is a Slice, so a reader keeps it alive after
// eviction. Misses are single-flight: who starts a fill owns it, everybody else who looks the block
// up meanwhile waits for it. Only blocks whose CRC the filler has verified come in; failures are
// told to the waiters and forgotten.
//
// Belongs to one executor. Outlives its fills.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/result.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task.h"
#include "streamcore/types.h"

namespace thalweg::segment {

struct BlockKey {
  ObjectId object;
  uint64_t position = 0;
  friend bool operator==(const BlockKey&, const BlockKey&) = default;
};

struct BlockKeyHash {
  size_t operator()(const BlockKey& key) const {
    return std::hash<ObjectId>()(key.object) ^ (key.position * 0xC2B2AE3D27D4EB4Full);
  }
};

// Of the cache's bytes, for what was passed: enough for readers that follow each other closely.
inline constexpr size_t kPassedShare = 4;

class BlockCache {
 private:
  // The blocks of one fill while they are on their way. Shared, because the filler and the waiters
  // end in any order.
  struct Flight {
    base::Event done;
    std::vector<base::Result<base::Slice>> blocks;
    Flight(base::Executor& executor, size_t count) : done(executor), blocks(count) {}
  };

 public:
  // A block that is here or on its way.
  struct Lookup {
    base::Slice slice;  // if there is no flight
    std::shared_ptr<Flight> flight;
    size_t index = 0;
  };

  // The duty to bring some blocks. Dropped without finish(), it tells the waiters kClosed.
  class Fill {
   public:
    Fill(Fill&& other) noexcept = default;
    Fill& operator=(Fill&&) = delete;
    ~Fill();
    // The i-th block of this fill, for the one who starts it.
    Lookup look_up(size_t i) const { return {.slice = {}, .flight = flight_, .index = i}; }
    // One result per key, in their order.
    void finish(std::vector<base::Result<base::Slice>> blocks) &&;

   private:
    friend class BlockCache;
    Fill(BlockCache& cache, std::vector<BlockKey> keys, std::shared_ptr<Flight> flight)
        : cache_(&cache), keys_(std::move(keys)), flight_(std::move(flight)) {}

    BlockCache* cache_;
    std::vector<BlockKey> keys_;
    std::shared_ptr<Flight> flight_;
  };

  struct Counts {
    uint64_t hits = 0;    // look_up found the block
    uint64_t joined = 0;  // look_up found it on its way
    uint64_t filled = 0;  // blocks that came in
    uint64_t evicted = 0;
  };

  BlockCache(base::Executor& executor, size_t bytes_max);
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // The block, as recently used; nothing if somebody must start() a fill for it.
  std::optional<Lookup> look_up(const BlockKey& key);
  // A sequential read is through with this block. After the last one of a fill all of them are
  // passed; whoever looks one up makes them recently used again.
  void pass(const BlockKey& key);
  // The block turned out not to be what it was taken for: it goes, with all that came with it.
  void forget(const BlockKey& key);
  // True if the block is here or on its way.
  bool has(const BlockKey& key) const { return blocks_.contains(key) || flights_.contains(key); }
  // Waits until the block is here, or until it is known that it will not come. The filler's error,
  // or kClosed.
  static base::Task<base::Result<base::Slice>> wait(Lookup lookup);
  // None of the keys may be here or on its way.
  Fill start(std::vector<BlockKey> keys);

  size_t bytes() const { return bytes_; }
  size_t bytes_max() const { return bytes_max_; }
  const Counts& counts() const { return counts_; }

 private:
  // What one fill brought.
  struct Group {
    std::vector<BlockKey> keys;
    size_t bytes = 0;
    bool passed = false;
  };
  using Groups = std::list<Group>;
  struct Place {
    base::Slice slice;
    Groups::iterator group;
  };
  struct Awaited {
    std::shared_ptr<Flight> flight;
    size_t index;
  };

  void insert(const std::vector<BlockKey>& keys,
              const std::vector<base::Result<base::Slice>>& blocks);
  void use(Groups::iterator group);
  void evict(Groups::iterator group);

  base::Executor& executor_;
  size_t bytes_max_;
  size_t bytes_ = 0;
  size_t passed_bytes_ = 0;  // of bytes_
  Groups used_;              // most recently used first
  Groups passed_;            // passed last first
  std::unordered_map<BlockKey, Place, BlockKeyHash> blocks_;
  std::unordered_map<BlockKey, Awaited, BlockKeyHash> flights_;
  Counts counts_;
};

}  // namespace thalweg::segment
