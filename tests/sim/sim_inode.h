// SimInode: one simulated file's content as its process sees it, and what of it a power cut may
// leave.
//
// Unsynced content is kept as versions of 512-byte sectors: after a crash each sector holds its
// durable content or any later version, independently, and the file any of its sizes or part of a
// growth. A write still in flight counts as unsynced; a sync covers the writes completed before it
// began.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "streamcore/base/bytes.h"
#include "streamcore/base/random.h"

namespace thalweg::sim {

inline constexpr size_t kSectorBytes = 512;

// How much of what was not synced a crash leaves; drawn anew for content and for directory entries.
enum class Survival { kNothing, kEverything, kAnyPart };
Survival draw_survival(base::Random& random);

class SimInode {
 public:
  using Operation = uint64_t;

  base::ByteView content() const { return content_; }
  uint64_t size() const { return content_.size(); }

  // Changes what the process sees at once; durable only after a sync that covers the operation.
  Operation write(base::ByteView bytes, uint64_t offset);
  Operation resize(uint64_t size);

  // An operation in flight is covered by no sync but the one that waits for it.
  void begin(Operation operation) { in_flight_.insert(operation); }
  void complete(Operation operation) { in_flight_.erase(operation); }

  // What a sync that starts now will cover.
  struct SyncPoint {
    Operation last = 0;
    std::set<Operation> in_flight;
  };
  SyncPoint sync_point() const { return {next_ - 1, in_flight_}; }
  void sync(const SyncPoint& point);
  // A sync that failed: what it would have covered may never become durable, whatever later syncs
  // say.
  void lose(const SyncPoint& point);

  void crash(base::Random& random);
  void flip_bit(uint64_t bit);

  uint32_t links = 0;  // names the process sees

 private:
  using Sector = std::array<std::byte, kSectorBytes>;
  struct Version {
    Operation operation;
    Sector bytes;
  };
  struct Size {
    Operation operation;
    uint64_t bytes;
  };
  bool covers(const SyncPoint& point, Operation operation) const;
  void add_version(Operation operation, uint64_t sector);
  uint64_t surviving_size(base::Random& random, Survival survival) const;

  std::vector<std::byte> content_;
  std::vector<std::byte> durable_;  // as long as the largest sector made durable; zeros beyond
  uint64_t durable_size_ = 0;
  std::map<uint64_t, std::vector<Version>> versions_;
  std::vector<Size> sizes_;
  std::set<Operation> in_flight_;
  std::set<Operation> lost_;
  Operation next_ = 1;
};

}  // namespace thalweg::sim
