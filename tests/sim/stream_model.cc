#include "tests/sim/stream_model.h"

#include <algorithm>
#include <array>

#include "tests/sim/workload_rules.h"

namespace thalweg::sim {

namespace {

bool is_payload_of(base::ByteView payload, const Operation& operation) {
  std::array<std::byte, kStampedBytes> stamp{};
  WorkloadRules().stamp(stamp.data(), operation.base, operation.leader_epoch);
  return std::ranges::equal(payload.first(kStampedBytes), stamp) &&
         digest_of(payload) == operation.digest;
}

EntryHeader header_of(const Operation& operation) {
  return {.stream = operation.stream,
          .base = operation.base,
          .max_timestamp = operation.max_timestamp,
          .count = operation.count,
          .length = operation.size,
          .leader_epoch = operation.leader_epoch};
}

}  // namespace

void StreamModel::violation(StreamId stream, const std::string& what) {
  trace_.violation(text("stream ", stream.value, ": ", what));
}

void StreamModel::streams_allocated(StreamId first, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    ids_.push_back(first + i);
    if (!records_.try_emplace(first + i).second) violation(first, "the id was given out twice");
  }
}

std::vector<StreamId> StreamModel::alive() const {
  std::vector<StreamId> alive;
  for (const StreamId id : ids_) {
    if (records_.at(id).life == Life::kAlive) alive.push_back(id);
  }
  return alive;
}

void StreamModel::append_sent(Operation operation) {
  StreamRecord& stream = of(operation.stream);
  const uint64_t id = next_operation();
  trace_.event(text("append op=", id, " stream=", operation.stream.value,
                    " base=", operation.base.value, " count=", operation.count,
                    " size=", operation.size, " epoch=", operation.leader_epoch.value));
  if (operation.base < stream.tail && !two_owners_) {
    violation(operation.stream, text("operation ", id, " got offset ", operation.base.value,
                                     " below the tail ", stream.tail.value));
  }
  if (operation.leader_epoch < stream.leader_epoch && !two_owners_) {
    violation(operation.stream, text("leader epoch went back to ", operation.leader_epoch.value));
  }
  stream.leader_epoch = std::max(stream.leader_epoch, operation.leader_epoch);
  const std::string payload = make_payload(operation.stream, id, operation.size);
  operation.digest = digest_of(base::as_bytes(payload));
  operations_.push_back(operation);
  history_.append_called(operation.stream, id, operation.base, operation.end());
}

void StreamModel::append_acked(uint64_t id) {
  trace_.event(text("acked op=", id));
  ++acked_;
  fix(id, "acked");
  const Operation& operation = operations_[id];
  history_.append_answered(operation.stream, id);
  StreamRecord& stream = of(operation.stream);
  stream.tail = std::max(stream.tail, operation.end());
}

void StreamModel::fix(uint64_t id, const char* how) {
  Operation& operation = operations_[id];
  if (operation.fixed) return;
  operation.fixed = true;
  auto& fixed = of(operation.stream).fixed;
  const auto [at, added] = fixed.try_emplace(operation.base, id);
  const auto complain = [&](uint64_t other) {
    violation(operation.stream, text("operation ", id, " (", how, ") at ", operation.base.value,
                                     " lies where operation ", other, " was promised"));
  };
  if (!added) return complain(at->second);
  if (const auto next = std::next(at); next != fixed.end()) {
    const Operation& later = operations_[next->second];
    if (later.base < operation.end() || later.leader_epoch < operation.leader_epoch) {
      complain(next->second);
    }
  }
  if (at == fixed.begin()) return;
  const Operation& earlier = operations_[std::prev(at)->second];
  if (earlier.end() > operation.base || earlier.leader_epoch > operation.leader_epoch) {
    complain(std::prev(at)->second);
  }
}

void StreamModel::entry_seen(StreamId stream, const EntryHeader& header, base::ByteView payload) {
  const uint64_t id = operation_of(payload);
  if (id == 0 || id >= operations_.size()) {
    return violation(stream, text("offset ", header.base.value, " holds what was never appended"));
  }
  const Operation& operation = operations_[id];
  const EntryHeader expected = header_of(operation);
  if (header != expected || header.stream != stream || !is_payload_of(payload, operation)) {
    return violation(stream, text("offset ", header.base.value, " holds a changed operation ", id));
  }
  fix(id, "read");
}

void StreamModel::tail_seen(StreamId id, Offset tail) {
  StreamRecord& stream = of(id);
  stream.tail = std::max(stream.tail, tail);
}

Known StreamModel::known(StreamId id) {
  const StreamRecord& stream = record(id);
  return {.life = stream.life,
          .tail = stream.tail,
          .trim_seen = stream.trim_seen,
          .leader_epoch = stream.leader_epoch,
          .called = history_.call()};
}

void StreamModel::bounds_seen(StreamId id, const StreamBounds& bounds, const Known& before) {
  StreamRecord& stream = of(id);
  trace_.event(text("bounds stream=", id.value, " trim=", bounds.trim_point.value,
                    " committed=", bounds.committed_end.value, " tail=", bounds.durable_tail.value,
                    " epoch=", bounds.leader_epoch.value));
  if (before.life == Life::kGone && bounds.durable_tail != Offset(0)) {
    return violation(id, "is back after its deletion");
  }
  if (before.life != Life::kAlive || stream.life != Life::kAlive) return;
  if (bounds.durable_tail < before.tail) {
    violation(id,
              text("tail went back from ", before.tail.value, " to ", bounds.durable_tail.value));
  }
  if (bounds.trim_point < before.trim_seen || bounds.trim_point > stream.trim_asked) {
    violation(id, text("trim point ", bounds.trim_point.value, " is not in [",
                       before.trim_seen.value, ", ", stream.trim_asked.value, "]"));
  }
  if (bounds.committed_end > bounds.durable_tail || bounds.trim_point > bounds.durable_tail) {
    violation(id, "the tail lies below the committed end or the trim point");
  }
  if (bounds.leader_epoch < before.leader_epoch) {
    violation(id, text("leader epoch went back to ", bounds.leader_epoch.value));
  }
  history_.tail_answered(id, before.called, bounds.durable_tail);
  stream.tail = std::max(stream.tail, bounds.durable_tail);
  stream.trim_seen = std::max(stream.trim_seen, bounds.trim_point);
  stream.leader_epoch = std::max(stream.leader_epoch, bounds.leader_epoch);
}

void StreamModel::annotation_seen(StreamId id, const AnnotationAt& at) {
  if (record(id).life != Life::kAlive) return;
  const Annotation annotation = parse_annotation(base::as_bytes(at.annotation));
  trace_.event(text("annotation stream=", id.value, " end=", at.end.value,
                    " entries=", annotation.operations.size(), " after=", at.after.size()));
  Offset next;
  uint64_t hash = 0;
  for (const uint64_t operation : annotation.operations) {
    const auto entry = entry_at(id, next, operation);
    if (!entry) return;
    hash = chain_hash(hash, *entry);
    next = entry->header.end();
  }
  if (next != at.end) {
    violation(id, text("the annotation at ", at.end.value, " is that of ", next.value));
  }
  if (hash != annotation.hash) violation(id, "the annotation is of other entries");
  for (const DigestedEntry& seen : at.after) {
    const auto entry = entry_at(id, next, operation_of(seen.digest));
    if (!entry) return;
    if (seen.header != entry->header || seen.digest != entry->digest) {
      return violation(id, text("what follows the annotation differs at ", next.value));
    }
    next = entry->header.end();
  }
}

// The entry this operation must have become if it lies at `base`; a violation if it cannot.
std::optional<DigestedEntry> StreamModel::entry_at(StreamId id, Offset base,
                                                   uint64_t operation_id) {
  const bool known = operation_id > 0 && operation_id < operations_.size();
  if (!known || operations_[operation_id].stream != id || operations_[operation_id].base != base) {
    violation(id, text("the annotation has operation ", operation_id, " at ", base.value));
    return std::nullopt;
  }
  fix(operation_id, "annotation");
  const Operation& operation = operations_[operation_id];
  return DigestedEntry{header_of(operation), operation.digest};
}

void StreamModel::trim_asked(StreamId id, Offset to) {
  StreamRecord& stream = of(id);
  stream.trim_asked = std::max(stream.trim_asked, to);
}

void StreamModel::trim_acked(StreamId id, Offset to) {
  trace_.event(text("trimmed stream=", id.value, " to=", to.value));
  StreamRecord& stream = of(id);
  stream.trim_seen = std::max(stream.trim_seen, to);
}

void StreamModel::remove_acked(StreamId id) {
  trace_.event(text("removed stream=", id.value));
  of(id).life = Life::kGone;
}

void StreamModel::settle_deletion(StreamId id, const StreamBounds& bounds) {
  StreamRecord& stream = of(id);
  if (stream.life != Life::kAsked) return;
  const bool gone = bounds.durable_tail == Offset(0);
  trace_.event(text("deletion of stream ", id.value, gone ? " happened" : " did not happen"));
  stream.life = gone ? Life::kGone : Life::kAlive;
}

void StreamModel::refusal_seen(StreamId id, Offset wanted, uint64_t called) {
  if (record(id).life != Life::kAlive) return;
  trace_.event(text("refused stream=", id.value, " wanted=", wanted.value));
  history_.refusal_answered(id, called, wanted);
}

// A deletion is an end that the history does not know.
void StreamModel::check_history() {
  for (const StreamId id : alive()) {
    const auto anomaly = history_.find_anomaly(id);
    if (anomaly) return violation(id, "not linearizable: " + *anomaly);
  }
}

}  // namespace thalweg::sim
