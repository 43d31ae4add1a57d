#include "streamcore/segment/block_cache.h"

#include <iterator>

#include "streamcore/base/check.h"

namespace thalweg::segment {

using base::ErrorCode;

BlockCache::BlockCache(base::Executor& executor, size_t bytes_max)
    : executor_(executor), bytes_max_(bytes_max) {}

std::optional<BlockCache::Lookup> BlockCache::look_up(const BlockKey& key) {
  if (const auto found = blocks_.find(key); found != blocks_.end()) {
    ++counts_.hits;
    use(found->second.group);
    return Lookup{.slice = found->second.slice, .flight = nullptr, .index = 0};
  }
  if (const auto awaited = flights_.find(key); awaited != flights_.end()) {
    ++counts_.joined;
    return Lookup{.slice = {}, .flight = awaited->second.flight, .index = awaited->second.index};
  }
  return std::nullopt;
}

void BlockCache::use(Groups::iterator group) {
  if (group->passed) passed_bytes_ -= group->bytes;
  used_.splice(used_.begin(), group->passed ? passed_ : used_, group);
  group->passed = false;
}

void BlockCache::pass(const BlockKey& key) {
  const auto found = blocks_.find(key);
  if (found == blocks_.end()) return;
  const Groups::iterator group = found->second.group;
  if (group->passed || group->keys.back() != key) return;
  passed_.splice(passed_.begin(), used_, group);
  group->passed = true;
  passed_bytes_ += group->bytes;
  while (passed_bytes_ > bytes_max_ / kPassedShare) evict(std::prev(passed_.end()));
}

base::Task<base::Result<base::Slice>> BlockCache::wait(Lookup lookup) {
  if (lookup.flight == nullptr) co_return std::move(lookup.slice);
  co_await lookup.flight->done.wait();
  co_return lookup.flight->blocks[lookup.index];
}

BlockCache::Fill BlockCache::start(std::vector<BlockKey> keys) {
  auto flight = std::make_shared<Flight>(executor_, keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    CHECK(!blocks_.contains(keys[i]));
    CHECK(flights_.emplace(keys[i], Awaited{flight, i}).second);
  }
  return Fill(*this, std::move(keys), std::move(flight));
}

BlockCache::Fill::~Fill() {
  if (flight_ == nullptr) return;
  std::vector<base::Result<base::Slice>> blocks(
      keys_.size(), base::fail(ErrorCode::kClosed, "segment: shut down while it was read"));
  std::move(*this).finish(std::move(blocks));
}

void BlockCache::Fill::finish(std::vector<base::Result<base::Slice>> blocks) && {
  CHECK(flight_ != nullptr);
  CHECK_EQ(blocks.size(), keys_.size());
  for (const BlockKey& key : keys_) cache_->flights_.erase(key);
  cache_->insert(keys_, blocks);
  flight_->blocks = std::move(blocks);
  flight_->done.set();
  flight_.reset();
}

void BlockCache::insert(const std::vector<BlockKey>& keys,
                        const std::vector<base::Result<base::Slice>>& blocks) {
  Group group;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!blocks[i]) continue;
    group.keys.push_back(keys[i]);
    group.bytes = blocks[i]->owner.capacity();
  }
  if (group.keys.empty() || group.bytes > bytes_max_) return;
  while (bytes_ + group.bytes > bytes_max_)
    evict(std::prev((passed_.empty() ? used_ : passed_).end()));
  bytes_ += group.bytes;
  counts_.filled += group.keys.size();
  used_.push_front(std::move(group));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (blocks[i]) blocks_.emplace(keys[i], Place{*blocks[i], used_.begin()});
  }
}

void BlockCache::forget(const BlockKey& key) {
  const auto place = blocks_.find(key);
  if (place != blocks_.end()) evict(place->second.group);
}

void BlockCache::evict(Groups::iterator group) {
  for (const BlockKey& key : group->keys) blocks_.erase(key);
  counts_.evicted += group->keys.size();
  bytes_ -= group->bytes;
  if (group->passed) passed_bytes_ -= group->bytes;
  (group->passed ? passed_ : used_).erase(group);
}

}  // namespace thalweg::segment
