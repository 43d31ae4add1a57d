#include "streamcore/channel/segment_objects.h"

#include "streamcore/base/check.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/segment/segment_format.h"

namespace thalweg::channel {

namespace {
constexpr uint64_t kIdBlock = 1000;
constexpr size_t kScanRows = 1000;
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
  const uint64_t first = CO_TRY(co_await ids_.take(count));
  metadata::Transaction transaction;
  transaction.conditions.push_back(std::move(owner));
  std::vector<ObjectId> ids;
  for (uint64_t id = first; id < first + count; ++id) {
    ids.push_back(ObjectId(id));
    transaction.require(object_row_key(ObjectId(id)), std::nullopt)
        .set(object_row_key(ObjectId(id)), encode_object_row({.state = ObjectState::kPrepared}));
  }
  CO_TRY(co_await metadata_.commit(std::move(transaction)));
  co_return ids;
}

void SegmentObjects::commit(metadata::Transaction& transaction, ObjectId object, uint32_t ranges) {
  const std::string key = object_row_key(object);
  transaction.require(key, encode_object_row({.state = ObjectState::kPrepared}))
      .set(key, encode_object_row({.state = ObjectState::kCommitted, .live_ranges = ranges}));
}

void SegmentObjects::commit_more(metadata::Transaction& transaction, ObjectId object,
                                 uint32_t before, uint32_t after) {
  const auto row = [](uint32_t ranges) {
    return encode_object_row({.state = ObjectState::kCommitted, .live_ranges = ranges});
  };
  transaction.require(object_row_key(object), row(before)).set(object_row_key(object), row(after));
}

base::Task<base::Status> SegmentObjects::release(metadata::Transaction& transaction,
                                                 const Released& released) {
  for (const auto& [object, ranges] : released) {
    const std::string key = object_row_key(object);
    const auto bytes = CO_TRY(co_await metadata_.get(key));
    if (!bytes.has_value()) continue;
    ObjectRow row = CO_TRY(decode_object_row(*bytes));
    if (row.state != ObjectState::kCommitted) continue;
    CHECK_GE(row.live_ranges, ranges);
    row.live_ranges -= ranges;
    if (row.live_ranges == 0) {
      row = {.state = ObjectState::kDeleting, .since = clock_.wall_now()};
    }
    transaction.require(key, *bytes).set(key, encode_object_row(row));
  }
  co_return base::Status{};
}

base::Task<base::Status> SegmentObjects::destroy(std::string key, std::string row_bytes,
                                                 ObjectId object,
                                                 const metadata::Condition& owner) {
  metadata::Transaction transaction;
  transaction.conditions.push_back(owner);
  transaction.require(key, std::move(row_bytes))
      .set(key, encode_object_row({.state = ObjectState::kDestroyed, .since = clock_.wall_now()}));
  CO_TRY(co_await metadata_.commit(std::move(transaction)));
  co_return co_await objects_.remove(segment::segment_key(object));
}

base::Task<base::Status> SegmentObjects::sweep_prepared(metadata::Condition owner) {
  std::string after;
  for (bool more = true; more;) {
    const auto page =
        CO_TRY(co_await metadata_.scan(std::string(kObjectRowPrefix), after, kScanRows));
    for (const metadata::KeyValue& pair : page) {
      const ObjectRow row = CO_TRY(decode_object_row(pair.value));
      if (row.state != ObjectState::kPrepared) continue;
      CO_TRY(co_await destroy(pair.key, pair.value, object_of_row_key(pair.key), owner));
    }
    more = page.size() == kScanRows;
    if (more) after = page.back().key;
  }
  co_return base::Status{};
}

base::Task<base::Status> SegmentObjects::collect_garbage() {
  std::string after;
  const base::Timestamp now = clock_.wall_now();
  for (bool more = true; more;) {
    const auto page =
        CO_TRY(co_await metadata_.scan(std::string(kObjectRowPrefix), after, kScanRows));
    for (const metadata::KeyValue& pair : page) {
      const ObjectRow row = CO_TRY(decode_object_row(pair.value));
      const bool dead =
          (row.state == ObjectState::kDeleting && now - row.since >= options_.delete_grace_ms) ||
          (row.state == ObjectState::kDestroyed &&
           now - row.since >= options_.destroyed_row_keep_ms);
      if (!dead) continue;
      CO_TRY(co_await objects_.remove(segment::segment_key(object_of_row_key(pair.key))));
      metadata::Transaction erase;
      erase.require(pair.key, pair.value).erase(pair.key);
      CO_TRY(co_await metadata_.commit(std::move(erase)));
    }
    more = page.size() == kScanRows;
    if (more) after = page.back().key;
  }
  co_return base::Status{};
}

}  // namespace thalweg::channel
