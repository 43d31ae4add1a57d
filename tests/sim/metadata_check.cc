#include "tests/sim/metadata_check.h"

#include <map>
#include <set>

#include "streamcore/channel/object_row_format.h"
#include "streamcore/channel/row_keys.h"
#include "streamcore/channel/stream_row_format.h"
#include "streamcore/segment/segment_format.h"
#include "streamcore/segment/segment_row_format.h"

namespace thalweg::sim {

namespace {

constexpr size_t kRowsMax = 100'000;

struct References {
  std::map<ObjectId, uint32_t> counts;
  std::map<std::string, channel::StreamRow> streams;  // by key
};

base::Task<base::Result<References>> find_references(metadata::MetadataStore& metadata,
                                                     Trace& trace) {
  References found;
  for (const auto& [key, value] : CO_TRY(co_await metadata.scan("stream/", "", kRowsMax))) {
    const channel::StreamRow row = CO_TRY(channel::decode_stream_row(value));
    if (row.annotation.object != channel::kNoObject) ++found.counts[row.annotation.object];
    found.streams.emplace(key, row);
  }
  for (const auto& [key, value] : CO_TRY(co_await metadata.scan("segment/", "", kRowsMax))) {
    const segment::SegmentRow row = CO_TRY(segment::decode_segment_row(value));
    ++found.counts[row.object];
    const auto stream = found.streams.find(channel::stream_row_key(row.range.stream));
    if (stream == found.streams.end()) {
      trace.violation(text("leak: ", key, " is of no stream"));
    } else if (row.range.end <= stream->second.trim_point) {
      trace.violation(text("leak: ", key, " ends at ", row.range.end.value,
                           ", below the trim point ", stream->second.trim_point.value));
    }
  }
  co_return found;
}

base::Task<base::Result<std::set<std::string>>> find_segments(object_store::ObjectStore& objects) {
  std::set<std::string> keys;
  std::string after;
  for (bool more = true; more;) {
    const auto page = CO_TRY(co_await objects.list("segment/", after));
    for (const object_store::ObjectInfo& object : page.objects) keys.insert(after = object.key);
    more = page.more;
  }
  co_return keys;
}

}  // namespace

base::Task<base::Status> check_nothing_leaked(metadata::MetadataStore& metadata,
                                              object_store::ObjectStore& objects, Trace& trace) {
  References found = CO_TRY(co_await find_references(metadata, trace));
  std::set<std::string> stored = CO_TRY(co_await find_segments(objects));
  for (const auto& [key, value] :
       CO_TRY(co_await metadata.scan(std::string(channel::kObjectRowPrefix), "", kRowsMax))) {
    const channel::ObjectRow row = CO_TRY(channel::decode_object_row(value));
    const ObjectId id = channel::object_of_row_key(key, channel::kObjectRowPrefix);
    if (row.state != channel::ObjectState::kCommitted) {
      trace.violation(text("leak: ", key, " is in state ", static_cast<int>(row.state)));
    }
    if (row.live_ranges != found.counts[id]) {
      trace.violation(
          text(key, " counts ", row.live_ranges, " references, there are ", found.counts[id]));
    }
    found.counts.erase(id);
    if (stored.erase(segment::segment_key(id)) == 0) {
      trace.violation(text(key, " has no object"));
    }
  }
  for (const auto& [key, value] :
       CO_TRY(co_await metadata.scan(std::string(channel::kDyingRowPrefix), "", kRowsMax))) {
    trace.violation(text("leak: ", key, " was not collected"));
  }
  for (const auto& [id, count] : found.counts) {
    trace.violation(text("object ", id.value, " is referred to ", count, " times without a row"));
  }
  for (const std::string& key : stored) trace.violation(text("leak: ", key, " has no row"));
  co_return base::Status{};
}

}  // namespace thalweg::sim
