#include "streamcore/channel/segment_objects.h"

#include <algorithm>

#include "streamcore/base/check.h"
#include "streamcore/base/log.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/segment/segment_format.h"

namespace thalweg::channel {

namespace {
constexpr uint64_t kIdBlock = 1000;
constexpr size_t kScanRows = 1000;
constexpr size_t kUnknownPagesMax = 100;  // a local store reads a whole directory for each

// The wall clock was ahead when this was written, or is behind now.
bool is_of_the_future(const ObjectRow& row, base::Timestamp now) {
  return row.state == ObjectState::kDestroyed && row.since > now;
}

}  // namespace

SegmentObjects::SegmentObjects(base::Executor& executor, base::Clock& clock,
                               object_store::ObjectStore& objects,
                               metadata::MetadataStore& metadata, const StreamStoreOptions& options)
    : clock_(clock),
      objects_(objects),
      metadata_(metadata),
      options_(options),
      ids_(executor, metadata, std::string(kNextObjectKey), kIdBlock) {}

base::Task<base::Result<std::vector<ObjectId>>> SegmentObjects::prepare(metadata::Condition owner,
                                                                        size_t count) {
  const size_t again = std::min(count, given_up_.size());
  const size_t fresh = count - again;
  std::vector<ObjectId> ids;
  if (fresh > 0) {
    const uint64_t first = CO_TRY(co_await ids_.take(fresh));
    for (uint64_t id = first; id < first + fresh; ++id) ids.push_back(ObjectId(id));
    CO_TRY(co_await write_prepared(std::move(owner), ids));
  }
  ids.insert(ids.end(), given_up_.end() - static_cast<ptrdiff_t>(again), given_up_.end());
  given_up_.resize(given_up_.size() - again);
  co_return ids;
}

base::Task<base::Status> SegmentObjects::write_prepared(metadata::Condition owner,
                                                        const std::vector<ObjectId>& ids) {
  metadata::Transaction transaction;
  transaction.conditions.push_back(std::move(owner));
  for (const ObjectId id : ids) {
    transaction.require(object_row_key(id), std::nullopt)
        .set(object_row_key(id), encode_object_row({.state = ObjectState::kPrepared}));
  }
  co_return co_await metadata_.commit(std::move(transaction));
}

base::Task<base::Status> SegmentObjects::upload(ObjectId object, base::Parts parts,
                                                Upload& outcome) {
  const std::string key = segment::segment_key(object);
  const auto put = co_await objects_.put_if_absent(key, std::move(parts));
  const bool nothing = !put.has_value() && (put.error().code == base::ErrorCode::kNoSpace ||
                                            put.error().code == base::ErrorCode::kCorrupt);
  outcome = put.has_value() ? Upload::kCreated : nothing ? Upload::kNone : Upload::kUnknown;
  if (!put.has_value()) co_return std::unexpected(put.error());
  if (*put == object_store::PutOutcome::kCreated) co_return base::Status{};
  // Nobody else has the id: somebody else's bytes under it are damage, not success.
  outcome = Upload::kUnknown;
  co_return base::fail(base::ErrorCode::kCorrupt, key + " exists before it was uploaded");
}

base::Task<void> SegmentObjects::give_up(ObjectId object, Upload upload,
                                         metadata::Condition owner) {
  if (upload == Upload::kNone) {
    given_up_.push_back(object);
    co_return;
  }
  const base::Status gone =
      co_await destroy(object_row_key(object), encode_object_row({.state = ObjectState::kPrepared}),
                       object, {std::move(owner)});
  if (gone.has_value()) co_return;
  base::log_warn(segment::segment_key(object) +
                 " is not needed and goes at the next start: " + gone.error().message);
}

ObjectRow SegmentObjects::commit(metadata::Transaction& transaction, ObjectId object,
                                 uint32_t ranges) {
  const ObjectRow row{
      .state = ObjectState::kCommitted, .live_ranges = ranges, .since = clock_.wall_now()};
  const std::string key = object_row_key(object);
  transaction.require(key, encode_object_row({.state = ObjectState::kPrepared}))
      .set(key, encode_object_row(row));
  return row;
}

ObjectRow SegmentObjects::commit_more(metadata::Transaction& transaction, ObjectId object,
                                      const ObjectRow& before, uint32_t ranges) {
  ObjectRow after = before;
  after.live_ranges += ranges;
  const std::string key = object_row_key(object);
  transaction.require(key, encode_object_row(before)).set(key, encode_object_row(after));
  return after;
}

base::Task<base::Result<base::Timestamp>> SegmentObjects::committed_at(ObjectId object) {
  const auto bytes = CO_TRY(co_await metadata_.get(object_row_key(object)));
  if (!bytes.has_value()) co_return 0;
  const ObjectRow row = CO_TRY(decode_object_row(*bytes));
  co_return row.state == ObjectState::kCommitted ? row.since : 0;
}

base::Task<base::Status> SegmentObjects::release(metadata::Transaction& transaction,
                                                 const Released& released) {
  for (const auto& [object, ranges] : released) {
    const std::string key = object_row_key(object);
    const auto bytes = CO_TRY(co_await metadata_.get(key));
    if (!bytes.has_value()) continue;
    ObjectRow row = CO_TRY(decode_object_row(*bytes));
    if (row.state != ObjectState::kCommitted) continue;
    if (row.live_ranges < ranges) {  // one of them was taken away by somebody else
      co_return base::fail(base::ErrorCode::kFenced,
                           key + ": expected at least " + std::to_string(ranges) +
                               " references, got " + std::to_string(row.live_ranges));
    }
    row.live_ranges -= ranges;
    transaction.require(key, *bytes);
    if (row.live_ranges > 0) {
      transaction.set(key, encode_object_row(row));
      continue;
    }
    row = {.state = ObjectState::kDeleting, .since = clock_.wall_now()};
    transaction.erase(key).set(dying_row_key(object), encode_object_row(row));
  }
  co_return base::Status{};
}

base::Task<base::Status> SegmentObjects::destroy(std::string key, std::string row_bytes,
                                                 ObjectId object,
                                                 const std::vector<metadata::Condition>& owner) {
  metadata::Transaction transaction;
  transaction.conditions = owner;
  const ObjectRow row{.state = ObjectState::kDestroyed, .since = clock_.wall_now()};
  transaction.require(key, std::move(row_bytes))
      .erase(key)
      .set(dying_row_key(object), encode_object_row(row));
  CO_TRY(co_await metadata_.commit(std::move(transaction)));
  co_return co_await objects_.remove(segment::segment_key(object));
}

base::Task<base::Status> SegmentObjects::sweep_prepared(std::vector<metadata::Condition> owner) {
  given_up_.clear();  // they are PREPARED, too
  std::string after;
  for (bool more = true; more;) {
    const auto page =
        CO_TRY(co_await metadata_.scan(std::string(kObjectRowPrefix), after, kScanRows));
    for (const metadata::KeyValue& pair : page) {
      const ObjectRow row = CO_TRY(decode_object_row(pair.value));
      if (row.state != ObjectState::kPrepared) continue;
      CO_TRY(co_await destroy(pair.key, pair.value, object_of_row_key(pair.key, kObjectRowPrefix),
                              owner));
    }
    more = page.size() == kScanRows;
    if (more) after = page.back().key;
  }
  co_return base::Status{};
}

base::Task<base::Status> SegmentObjects::collect_garbage() {
  std::string after;
  const base::Timestamp now = clock_.wall_now();
  const base::Duration since_boot = clock_.since_boot();
  std::map<ObjectId, base::Duration> dying;
  for (bool more = true; more;) {
    const auto page =
        CO_TRY(co_await metadata_.scan(std::string(kDyingRowPrefix), after, kScanRows));
    std::vector<std::string> dead_keys;
    metadata::Transaction changes;
    for (const metadata::KeyValue& pair : page) {
      ObjectRow row = CO_TRY(decode_object_row(pair.value));
      const ObjectId object = object_of_row_key(pair.key, kDyingRowPrefix);
      const auto found = dying_.find(object);
      const base::Duration first = found == dying_.end() ? since_boot : found->second;
      dying.emplace(object, first);
      if (is_of_the_future(row, now)) {
        row.since = now;
        changes.require(pair.key, pair.value).set(pair.key, encode_object_row(row));
      } else if (is_dead(row, now, since_boot - first)) {
        dead_keys.push_back(segment::segment_key(object));
        changes.require(pair.key, pair.value).erase(pair.key);
      }
    }
    if (!dead_keys.empty()) CO_TRY(co_await objects_.remove_all(std::move(dead_keys)));
    if (!changes.writes.empty()) CO_TRY(co_await metadata_.commit(std::move(changes)));
    more = page.size() == kScanRows;
    if (more) after = page.back().key;
  }
  dying_ = std::move(dying);
  co_return base::Status{};
}

bool SegmentObjects::is_dead(const ObjectRow& row, base::Timestamp now,
                             base::Duration known_for) const {
  if (row.state == ObjectState::kDestroyed) {
    return now - row.since >= options_.destroyed_row_keep_ms;
  }
  return row.state == ObjectState::kDeleting &&
         known_for >= std::chrono::milliseconds(options_.delete_grace_ms);
}

base::Task<base::Result<bool>> SegmentObjects::is_known(const std::string& key) {
  const std::optional<ObjectId> object = segment::object_of_key(key);
  if (!object.has_value()) co_return false;
  if (CO_TRY(co_await metadata_.get(object_row_key(*object))).has_value()) co_return true;
  co_return CO_TRY(co_await metadata_.get(dying_row_key(*object))).has_value();
}

base::Task<base::Status> SegmentObjects::report_unknown(const base::TaskGroup& group) {
  size_t unknown = 0;
  std::string first;
  std::string after;
  for (size_t page_number = 0; page_number < kUnknownPagesMax && !group.stopping(); ++page_number) {
    const auto page =
        CO_TRY(co_await objects_.list(std::string(segment::kSegmentKeyPrefix), after));
    for (const object_store::ObjectInfo& object : page.objects) {
      if (CO_TRY(co_await is_known(object.key))) continue;
      if (unknown++ == 0) first = object.key;
    }
    if (!page.more) break;
    after = page.objects.back().key;
  }
  if (unknown > 0) {
    base::log_warn("objects that metadata does not know, left alone: count=" +
                   std::to_string(unknown) + " first=" + first);
  }
  co_return base::Status{};
}

}  // namespace thalweg::channel
