#include "tests/sim/actors.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/sim/sim_clock.h"
#include "tests/sim/workload_rules.h"

namespace thalweg::sim {

namespace {

using base::ErrorCode;
using base::Task;

constexpr size_t kStreamsMax = 24;
constexpr std::chrono::hours kWallJump(10 * 365 * 24);
constexpr size_t kReadBytesMax = 40'000;
// Retention trims to a segment's end, and which there will be is not known when it is asked for.
constexpr Offset kAnyTrim{UINT64_MAX / 2};

base::Duration pause(Scene& scene) {
  return base::Duration(scene.random.below(static_cast<uint64_t>(scene.knobs.pause_max.count())));
}

StreamId any_of(Scene& scene, const std::vector<StreamId>& streams) {
  return streams[scene.random.below(streams.size())];
}

// Whether what was just answered is known to be true of now, and not of another owner's past.
Task<bool> proven(Scene& scene) {
  if (scene.is_newest) co_return scene.is_newest();
  if (!scene.asks_for_proof || scene.store.is_owner()) co_return true;
  co_return (co_await scene.store.prove_ownership()).has_value();
}

// --- appending

struct Batch {
  std::vector<StreamId> streams;
  std::vector<std::string> payloads;  // only their sizes count until their operation has an id
  uint64_t bytes = 0;
};

Batch draw_batch(Scene& scene, const std::vector<StreamId>& alive) {
  Batch batch;
  const size_t entries = 1 + scene.random.below(4);
  for (size_t i = 0; i < entries; ++i) {
    const size_t size = kPayloadHeaderBytes + scene.random.below(scene.knobs.payload_max);
    batch.streams.push_back(any_of(scene, alive));
    batch.payloads.emplace_back(size, '\0');
    batch.bytes += framed_entry_bytes(size) + 48;
  }
  return batch;
}

// Of a stream that is being deleted it is not asked.
bool all_open(const Scene& scene, const Batch& batch) {
  return std::ranges::all_of(batch.streams, [&](StreamId stream) {
    return scene.store.is_open_for_append(stream) ||
           scene.model.record(stream).life != Life::kAlive;
  });
}

Task<base::Status> make_room(Scene& scene, const Batch& batch) {
  do {
    CO_TRY(co_await scene.store.open_for_append(batch.streams));
    CO_TRY(co_await scene.store.admit(ChannelId(0), batch.bytes, kNoTimeLimit));
  } while (!all_open(scene, batch));
  co_return base::Status{};
}

struct Sent {
  std::vector<uint64_t> operations;
  LogPosition position{};
};

// Told once nothing can take back what it was judged by (StreamStore::append).
Task<void> tell_refusal(Scene& scene, StreamId stream, Offset wanted, uint64_t called) {
  if (scene.waits_before_refusal) {
    const base::Status durable =
        co_await scene.store.durable(scene.store.last_position(ChannelId(0)));
    if (!durable.has_value()) co_return scene.explain("durable", durable.error());
  }
  if (!co_await proven(scene)) co_return;
  scene.model.refusal_seen(stream, wanted, called);
}

// What an append wants its stream to end at, if it wants anything.
std::optional<Offset> draw_match(Scene& scene, StreamId stream) {
  if (!scene.percent(30) || !scene.store.is_open_for_append(stream)) return std::nullopt;
  const auto bounds = scene.store.known_bounds(stream);
  const bool may_be_old = bounds.has_value() && scene.percent(50);
  return may_be_old ? bounds->durable_tail : scene.store.next_offset(stream);
}

void append_entry(Scene& scene, StreamId stream, size_t size, Sent& sent) {
  // Opening it may have taken so long that it was deleted meanwhile, and made it anew.
  if (scene.model.record(stream).life != Life::kAlive) return;
  const uint64_t id = scene.model.next_operation();
  const std::string payload = make_payload(stream, id, size);
  AppendRequest request{.stream = stream,
                        .payload = base::as_bytes(payload),
                        .count = static_cast<uint32_t>(1 + scene.random.below(3)),
                        .max_timestamp = kWallStart + static_cast<base::Timestamp>(id),
                        .match_offset = std::nullopt,
                        .fencing_token = std::nullopt};
  request.match_offset = draw_match(scene, stream);
  const uint64_t called = scene.model.known(stream).called;
  const auto appended = scene.store.append(request);
  if (!appended.has_value()) {
    const ErrorCode code = appended.error().code;
    if (code == ErrorCode::kConditionFailed && request.match_offset.has_value()) {
      scene.tasks.spawn(tell_refusal(scene, stream, *request.match_offset, called));
      return;
    }
    const bool gone =
        code == ErrorCode::kNotFound && scene.model.record(stream).life != Life::kAlive;
    if (!gone) scene.explain("append", appended.error());
    return;
  }
  scene.model.append_sent({.stream = stream,
                           .base = appended->base,
                           .count = request.count,
                           .size = static_cast<uint32_t>(size),
                           .leader_epoch = appended->leader_epoch,
                           .max_timestamp = request.max_timestamp});
  sent.operations.push_back(id);
  sent.position = appended->position;
}

Task<void> await_ack(Scene& scene, Sent sent) {
  const base::Status durable = co_await scene.store.durable(sent.position);
  if (!durable.has_value()) {
    scene.explain("durable", durable.error());
    co_return;
  }
  for (const uint64_t id : sent.operations) scene.model.append_acked(id);
}

Task<void> append_batch(Scene& scene) {
  const std::vector<StreamId> alive = scene.model.alive();
  if (alive.empty()) co_return;
  const Batch batch = draw_batch(scene, alive);
  const base::Status room = co_await make_room(scene, batch);
  if (!room.has_value()) {
    scene.explain("admit", room.error());
    co_return;
  }
  Sent sent;
  for (size_t i = 0; i < batch.streams.size(); ++i) {
    append_entry(scene, batch.streams[i], batch.payloads[i].size(), sent);
  }
  if (sent.operations.empty()) co_return;
  if (scene.percent(50)) {
    scene.tasks.spawn(await_ack(scene, std::move(sent)));
  } else {
    co_await await_ack(scene, std::move(sent));
  }
}

Task<void> append_loop(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene))) co_await append_batch(scene);
}

// --- reading

// Checks one read's entries; where the next read goes on, or nothing if that is not known.
std::optional<Offset> check_entries(Scene& scene, StreamId stream, Offset from, size_t max_bytes,
                                    const ReadResult& read) {
  size_t bytes = 0;
  Offset next = from;
  for (const EntryRef& entry : read.entries) {
    scene.model.entry_seen(stream, entry.header, entry.payload.bytes);
    bytes += entry.payload.bytes.size();
    const bool first = &entry == &read.entries.front();
    const bool follows =
        first ? entry.header.base <= next && next < entry.header.end() : entry.header.base == next;
    if (!follows) {
      scene.trace.violation(text("stream ", stream.value, ": read from ", next.value, " gave ",
                                 entry.header.base.value));
    }
    next = entry.header.end();
  }
  if (bytes > max_bytes && read.entries.size() > 1) scene.trace.violation("read: too many bytes");
  const auto bounds = scene.store.known_bounds(stream);
  if (bounds.has_value() && next > bounds->durable_tail &&
      scene.model.record(stream).life == Life::kAlive) {
    scene.trace.violation(text("stream ", stream.value, ": read beyond the durable tail"));
  }
  if (read.entries.empty()) return std::nullopt;
  scene.model.tail_seen(stream, next);
  return next;
}

Task<std::optional<StreamBounds>> look(Scene& scene, StreamId stream) {
  const Known before = scene.model.known(stream);
  const auto bounds = co_await scene.store.bounds(stream);
  if (!bounds.has_value()) {
    scene.explain("bounds", bounds.error());
    co_return std::nullopt;
  }
  if (!co_await proven(scene)) co_return std::nullopt;
  scene.model.bounds_seen(stream, *bounds, before);
  co_return *bounds;
}

Task<std::optional<Offset>> read_once(Scene& scene, StreamId stream, Offset from,
                                      size_t max_bytes) {
  const Known before = scene.model.known(stream);
  const auto read = co_await scene.store.read(stream, from, max_bytes);
  const StreamRecord& record = scene.model.record(stream);
  if (!read.has_value()) {
    const auto now = co_await look(scene, stream);
    const bool trimmed =
        read.error().code == ErrorCode::kOutOfRange && now.has_value() && from < now->trim_point;
    if (!trimmed && record.life == Life::kAlive) {
      scene.explain(text("read of stream ", stream.value, " from ", from.value), read.error());
    }
    co_return std::nullopt;
  }
  if (co_await proven(scene)) scene.model.bounds_seen(stream, read->bounds, before);
  if (read->entries.empty() && from < read->bounds.durable_tail && record.life == Life::kAlive) {
    scene.trace.violation(text("stream ", stream.value, ": nothing to read at ", from.value));
  }
  scene.trace.event(
      text("read stream=", stream.value, " from=", from.value, " entries=", read->entries.size()));
  scene.model.read_seen(stream, *read, before);
  co_return check_entries(scene, stream, from, max_bytes, *read);
}

Task<void> read_somewhere(Scene& scene) {
  const StreamId stream = any_of(scene, scene.model.streams());
  const auto bounds = co_await look(scene, stream);
  if (!bounds.has_value()) co_return;
  const uint64_t length = bounds->durable_tail - bounds->trim_point;
  std::optional<Offset> from = bounds->durable_tail;
  if (!scene.percent(20)) from = bounds->trim_point + scene.random.below(length + 1);
  for (uint64_t reads = 1 + scene.random.below(5); reads > 0 && from.has_value(); --reads) {
    from = co_await read_once(scene, stream, *from, 1 + scene.random.below(kReadBytesMax));
  }
}

Task<void> read_loop(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene))) co_await read_somewhere(scene);
}

Task<void> check_loop(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 4)) {
    const StreamId stream = any_of(scene, scene.model.streams());
    if (scene.percent(20)) co_await check_stream(scene, stream, false);
    const auto at = co_await scene.store.annotation(stream);
    if (at.has_value()) {
      scene.model.annotation_seen(stream, *at);
    } else if (scene.model.record(stream).life == Life::kAlive) {
      scene.explain("annotation", at.error());
    }
  }
}

// --- trimming, deleting, offloading

Task<void> trim_somewhere(Scene& scene) {
  const std::vector<StreamId> alive = scene.model.alive();
  if (alive.empty()) co_return;
  const StreamId stream = any_of(scene, alive);
  const auto bounds = co_await look(scene, stream);
  if (!bounds.has_value()) co_return;
  if (scene.percent(30)) {
    scene.model.trim_asked(stream, kAnyTrim);
    const auto kept = co_await scene.store.retain(
        stream, {.max_age_ms = std::nullopt, .max_bytes = scene.random.below(50'000)});
    if (kept.has_value()) scene.model.trim_acked(stream, *kept);
    if (!kept.has_value()) scene.explain("retain", kept.error());
    co_return;
  }
  const uint64_t length = bounds->durable_tail - bounds->trim_point;
  const Offset to = bounds->trim_point + scene.random.below(length + 1);
  scene.model.trim_asked(stream, to);
  const base::Status trimmed = co_await scene.store.trim(stream, to);
  if (trimmed.has_value()) scene.model.trim_acked(stream, to);
  if (!trimmed.has_value()) scene.explain("trim", trimmed.error());
}

Task<void> trim_loop(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 8)) co_await trim_somewhere(scene);
}

Task<void> remove_loop(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 60)) {
    const std::vector<StreamId> alive = scene.model.alive();
    if (alive.empty()) co_return;
    const StreamId stream = any_of(scene, alive);
    scene.model.remove_asked(stream);
    const base::Status removed = co_await scene.store.remove({stream});
    if (removed.has_value()) scene.model.remove_acked(stream);
    if (!removed.has_value()) scene.explain("remove", removed.error());
  }
}

Task<void> create_loop(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 40)) {
    if (scene.model.streams().size() >= kStreamsMax) co_return;
    const uint64_t count = 1 + scene.random.below(2);
    const auto first = co_await scene.store.allocate_streams(count, StorageClass::kLocal);
    if (!first.has_value()) {
      scene.explain("allocate", first.error());
      continue;
    }
    scene.model.streams_allocated(*first, count);
  }
}

Task<void> offload_sometimes(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 30)) {
    const base::Status done = co_await scene.store.offload_all();
    if (!done.has_value()) scene.explain("offload", done.error());
  }
}

// --- faults

Task<void> play_full_disk(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 20)) {
    scene.disk_was_full = true;
    // Either nothing at all can be made, or files cannot grow and the reserve can be used.
    const bool reserve_helps = scene.percent(50);
    scene.trace.event(reserve_helps ? "disk full but for the reserve" : "disk full");
    scene.trace.fired.add(Fault::kDiskFull);
    if (reserve_helps) scene.disk.set_capacity(scene.disk.used_bytes());
    if (!reserve_helps) scene.disk.set_full(true);
    const bool goes_on = co_await scene.tasks.sleep_for(pause(scene) * 20);
    scene.disk.set_full(false);
    scene.disk.set_capacity(std::nullopt);
    scene.trace.event("disk has space");
    if (!goes_on) co_return;
  }
}

Task<void> play_failing_sync(Scene& scene) {
  if (!co_await scene.tasks.sleep_for(pause(scene) * 30)) co_return;
  scene.trace.event("a sync will fail");
  scene.trace.fired.add(Fault::kFailedSync);
  scene.write_failed = true;
  scene.disk.fail_next_sync();
}

Task<void> play_outages(Scene& scene) {
  const auto outage_max = static_cast<uint64_t>(scene.knobs.zones.outage_max.count());
  const auto gap_max = static_cast<uint64_t>(
      std::max(scene.knobs.pause_max * 8, scene.knobs.zones.network.delay_max * 40).count());
  while (co_await scene.tasks.sleep_for(base::Duration(scene.random.below(gap_max)))) {
    scene.zones->begin_outage(scene.random);
    const base::Duration outage(scene.random.below(outage_max));
    const bool goes_on = co_await scene.tasks.sleep_for(outage);
    scene.zones->end_outage();
    if (!goes_on) co_return;
  }
}

Task<void> play_wipe(Scene& scene) {
  if (!co_await scene.tasks.sleep_for(pause(scene) * 60)) co_return;
  scene.zones->wipe_one(scene.random);
}

// Nothing that is safe may depend on the wall clock.
Task<void> play_wall_clock(Scene& scene) {
  while (co_await scene.tasks.sleep_for(pause(scene) * 20)) {
    const int sign = scene.percent(50) ? 1 : -1;
    switch (scene.random.below(4)) {
      case 0:
        scene.trace.event(text("the wall clock jumps, sign ", sign));
        scene.trace.fired.add(Fault::kWallJump);
        scene.wall->set_error(sign * kWallJump);
        break;
      case 1:
        scene.trace.fired.add(Fault::kWallOffset);
        scene.wall->set_error(sign * std::chrono::minutes(scene.random.below(11)));
        break;
      case 2:
        scene.trace.event("the wall clock stands still");
        scene.trace.fired.add(Fault::kWallFrozen);
        scene.wall->freeze();
        break;
      default: scene.wall->set_error({});
    }
  }
}

}  // namespace

// --- the scene

void Scene::Tails::tail_moved(StreamId stream, Offset durable_tail) {
  trace_.event(text("tail stream=", stream.value, " at=", durable_tail.value));
  model_.tail_seen(stream, durable_tail);
}

void Scene::explain(std::string_view what, const base::Error& error) {
  const std::string line = text(what, ": ", base::to_string(error.code), ": ", error.message);
  trace.event(line);
  bool explained = stopping;
  explained |= disk_was_full && error.code == ErrorCode::kNoSpace;
  explained |= write_failed &&
               (error.code == ErrorCode::kNoSpace || error.code == ErrorCode::kUnavailable ||
                error.code == ErrorCode::kUnknownOutcome || error.code == ErrorCode::kClosed);
  explained |= is_newest && error.code == ErrorCode::kFenced;  // one follows that did not open yet
  explained |= leased && (error.code == ErrorCode::kUnavailable ||
                          error.code == ErrorCode::kUnknownOutcome || !is_owner());
  explained |= knobs.zones.network.torn_read != 0 && error.code == ErrorCode::kCorrupt;
  // A reader of the log may meet a zone that is away and two that fail.
  explained |= zones != nullptr && error.code == ErrorCode::kUnavailable;
  // The channel stops at the damage; what was on its way then is not known.
  explained |=
      bit_rot && (error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnknownOutcome);
  if (!explained) trace.violation(text("unexplained error: ", line));
}

void spawn_actors(Scene& scene) {
  const Knobs& knobs = scene.knobs;
  for (uint32_t i = 0; i < knobs.appenders; ++i) scene.tasks.spawn(append_loop(scene));
  for (uint32_t i = 0; i < knobs.readers; ++i) scene.tasks.spawn(read_loop(scene));
  scene.tasks.spawn(check_loop(scene));
  scene.tasks.spawn(create_loop(scene));
  scene.tasks.spawn(offload_sometimes(scene));
  if (knobs.trims) scene.tasks.spawn(trim_loop(scene));
  if (knobs.removes) scene.tasks.spawn(remove_loop(scene));
  if (knobs.full_disk) scene.tasks.spawn(play_full_disk(scene));
  if (knobs.failing_sync) scene.tasks.spawn(play_failing_sync(scene));
  if (knobs.zones.outages) scene.tasks.spawn(play_outages(scene));
  if (knobs.zones.wipe) scene.tasks.spawn(play_wipe(scene));
  if (knobs.wall_lies) scene.tasks.spawn(play_wall_clock(scene));
}

base::Task<void> check_stream(Scene& scene, StreamId stream, bool settle) {
  if (settle) {
    const auto bounds = co_await scene.store.bounds(stream);
    if (bounds.has_value()) scene.model.settle_deletion(stream, *bounds);
  }
  const auto bounds = co_await look(scene, stream);
  if (!bounds.has_value() || scene.model.record(stream).life != Life::kAlive) co_return;
  if (settle) {
    const auto at = co_await scene.store.annotation(stream);
    if (at.has_value()) scene.model.annotation_seen(stream, *at);
    if (!at.has_value()) scene.explain("annotation", at.error());
  }
  std::optional<Offset> from = bounds->trim_point;
  while (from.has_value() && *from < bounds->durable_tail) {
    from = co_await read_once(scene, stream, *from, 1 + scene.random.below(kReadBytesMax));
  }
}

base::Task<void> check_all(Scene& scene, bool settle) {
  const std::vector<StreamId> streams = scene.model.streams();
  for (const StreamId stream : streams) co_await check_stream(scene, stream, settle);
}

base::Task<bool> append_one(Scene& scene, StreamId stream) {
  Batch batch{.streams = {stream}, .payloads = {std::string(100, '\0')}, .bytes = 200};
  const base::Status room = co_await make_room(scene, batch);
  if (!room.has_value()) {
    scene.explain("admit", room.error());
    co_return false;
  }
  Sent sent;
  append_entry(scene, stream, batch.payloads[0].size(), sent);
  if (sent.operations.empty()) co_return false;
  co_await await_ack(scene, std::move(sent));
  co_return true;
}

}  // namespace thalweg::sim
