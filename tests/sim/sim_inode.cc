#include "tests/sim/sim_inode.h"

#include <algorithm>
#include <cstring>

#include "streamcore/base/check.h"

namespace thalweg::sim {

Survival draw_survival(base::Random& random) {
  const uint64_t drawn = random.below(6);
  if (drawn == 0) return Survival::kNothing;
  if (drawn == 1) return Survival::kEverything;
  return Survival::kAnyPart;
}

void SimInode::add_version(Operation operation, uint64_t sector) {
  Version version{.operation = operation, .bytes = {}};
  const uint64_t from = sector * kSectorBytes;
  if (from < content_.size()) {
    const size_t n = std::min<uint64_t>(kSectorBytes, content_.size() - from);
    std::memcpy(version.bytes.data(), content_.data() + from, n);
  }
  versions_[sector].push_back(version);
}

SimInode::Operation SimInode::write(base::ByteView bytes, uint64_t offset) {
  const Operation operation = next_++;
  if (bytes.empty()) return operation;
  const uint64_t end = offset + bytes.size();
  if (end > content_.size()) {
    content_.resize(end);
    sizes_.push_back({operation, end});
  }
  std::memcpy(content_.data() + offset, bytes.data(), bytes.size());
  for (uint64_t s = offset / kSectorBytes; s * kSectorBytes < end; ++s) add_version(operation, s);
  return operation;
}

SimInode::Operation SimInode::resize(uint64_t size) {
  const Operation operation = next_++;
  const uint64_t before = content_.size();
  if (size == before) return operation;
  content_.resize(size);
  sizes_.push_back({operation, size});
  // What was cut off reads zero if the file grows again.
  for (uint64_t s = size / kSectorBytes; s * kSectorBytes < before; ++s) add_version(operation, s);
  return operation;
}

bool SimInode::covers(const SyncPoint& point, Operation operation) const {
  return operation <= point.last && !point.in_flight.contains(operation) &&
         !lost_.contains(operation);
}

void SimInode::sync(const SyncPoint& point) {
  for (auto it = versions_.begin(); it != versions_.end();) {
    auto& [sector, versions] = *it;
    const auto newest = std::find_if(versions.rbegin(), versions.rend(),
                                     [&](const Version& v) { return covers(point, v.operation); });
    if (newest != versions.rend()) {
      const uint64_t end = (sector + 1) * kSectorBytes;
      if (durable_.size() < end) durable_.resize(end);
      std::memcpy(durable_.data() + end - kSectorBytes, newest->bytes.data(), kSectorBytes);
      versions.erase(versions.begin(), newest.base());
    }
    it = versions.empty() ? versions_.erase(it) : std::next(it);
  }
  const auto newest = std::find_if(sizes_.rbegin(), sizes_.rend(),
                                   [&](const Size& s) { return covers(point, s.operation); });
  if (newest != sizes_.rend()) {
    durable_size_ = newest->bytes;
    sizes_.erase(sizes_.begin(), newest.base());
  }
}

void SimInode::lose(const SyncPoint& point) {
  const auto mark = [&](Operation operation) {
    if (covers(point, operation)) lost_.insert(operation);
  };
  for (const auto& [sector, versions] : versions_) {
    for (const Version& version : versions) mark(version.operation);
  }
  for (const Size& size : sizes_) mark(size.operation);
}

uint64_t SimInode::surviving_size(base::Random& random, Survival survival) const {
  if (sizes_.empty() || survival == Survival::kNothing) return durable_size_;
  if (survival == Survival::kEverything) return sizes_.back().bytes;
  const size_t chosen = random.below(sizes_.size() + 1);
  const uint64_t size = chosen == 0 ? durable_size_ : sizes_[chosen - 1].bytes;
  if (chosen == sizes_.size() || sizes_[chosen].bytes <= size) return size;
  const uint64_t growth = sizes_[chosen].bytes - size;
  return size + random.below(growth / kSectorBytes + 1) * kSectorBytes;
}

void SimInode::crash(base::Random& random) {
  const Survival survival = draw_survival(random);
  const uint64_t size = surviving_size(random, survival);
  for (const auto& [sector, versions] : versions_) {
    size_t chosen = 0;  // 0: the durable content
    if (survival == Survival::kEverything) chosen = versions.size();
    if (survival == Survival::kAnyPart) chosen = random.below(versions.size() + 1);
    if (chosen == 0) continue;
    const uint64_t end = (sector + 1) * kSectorBytes;
    if (durable_.size() < end) durable_.resize(end);
    std::memcpy(durable_.data() + end - kSectorBytes, versions[chosen - 1].bytes.data(),
                kSectorBytes);
  }
  durable_.resize(size);
  durable_size_ = size;
  content_ = durable_;
  versions_.clear();
  sizes_.clear();
  in_flight_.clear();
  lost_.clear();
}

void SimInode::flip_bit(uint64_t bit) {
  CHECK_LT(bit / 8, content_.size());
  const auto mask = static_cast<std::byte>(1 << (bit % 8));
  content_[bit / 8] ^= mask;
  if (bit / 8 < durable_.size()) durable_[bit / 8] ^= mask;
}

}  // namespace thalweg::sim
