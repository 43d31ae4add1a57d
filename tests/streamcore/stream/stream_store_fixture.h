// StreamStoreTest: one process with a stream store, over stores that outlive it. A crash destroys
// every frame, then the executor with all it had queued.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "streamcore/metadata/object_log_metadata_store.h"
#include "streamcore/object_store/memory_object_store.h"
#include "streamcore/stream_store.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"
#include "tests/streamcore/chunk/memory_replica.h"
#include "tests/streamcore/stream/open_logs.h"

namespace thalweg {

using sim::run;

// Payloads begin with the offset and leader epoch they were stamped with; the annotation is the
// number of entries and a running sum of their payloads' last bytes.
class CountingRules final : public EntryRules {
 public:
  void stamp(std::byte* payload, Offset base, LeaderEpoch epoch) const override {
    std::memcpy(payload, &base.value, 8);
    std::memcpy(payload + 8, &epoch.value, 4);
  }
  EntryDigest digest(base::ByteView payload) const override { return {payload.back()}; }
  std::string fold(base::ByteView previous, std::span<const DigestedEntry> entries) const override {
    uint64_t state[2] = {0, 0};
    if (!previous.empty()) std::memcpy(state, previous.data(), sizeof(state));
    for (const DigestedEntry& entry : entries) {
      ++state[0];
      state[1] += static_cast<uint64_t>(entry.digest[0]);
    }
    return std::string(reinterpret_cast<const char*>(state), sizeof(state));
  }
};

inline uint64_t folded_count(const std::string& annotation) {
  uint64_t count = 0;
  if (!annotation.empty()) std::memcpy(&count, annotation.data(), 8);
  return count;
}

class StreamStoreTest : public testing::Test {
 protected:
  ~StreamStoreTest() override { crash(); }

  // What the store is opened on; a test may put something in front of it.
  virtual object_store::ObjectStore& store_objects() { return *objects_; }
  virtual object_store::ObjectStore& metadata_objects() { return *objects_; }
  virtual metadata::MetadataStore& store_metadata() { return *metadata_; }
  virtual metadata::Lease* lease() { return nullptr; }
  virtual channel::LogAhead* ahead() { return nullptr; }

  void open() {
    executor_ = std::make_unique<sim::SimExecutor>(now_);
    clock_ = std::make_unique<sim::SimClock>(*executor_);
    if (!objects_) objects_ = std::make_unique<object_store::MemoryObjectStore>(*executor_);
    objects_->attach(*executor_);
    replica_ = std::make_unique<chunk::MemoryReplica>(chunks_, *executor_, random_);
    logs_.set(StorageClass::kLocal, {replica_.get()});
    auto metadata =
        run(*executor_, metadata::ObjectLogMetadataStore::open(*executor_, metadata_objects(),
                                                               random_, {.single_writer = true}));
    ASSERT_TRUE(metadata.has_value()) << metadata.error().message;
    metadata_ = std::move(*metadata);
    const base::Status opened = open_store();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
  }
  base::Status open_store() {
    channel::LogAhead* const read_ahead = ahead();
    auto opened = run(*executor_, StreamStore::open({.executor = *executor_,
                                                     .clock = *clock_,
                                                     .random = random_,
                                                     .objects = store_objects(),
                                                     .metadata = store_metadata(),
                                                     .logs = logs_,
                                                     .rules = rules_,
                                                     .lease = lease(),
                                                     .ahead = read_ahead},
                                                    options_));
    if (!opened.has_value()) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return {};
  }
  void crash() {
    store_.reset();
    metadata_.reset();
    replica_.reset();
    if (executor_) now_ = executor_->now();
    executor_.reset();
  }
  void crash_and_reopen() {
    crash();
    open();
  }

  size_t segment_count() { return run(*executor_, objects_->list("segment/", ""))->objects.size(); }

  base::Result<Appended> append(StreamId stream, char tag, size_t bytes = 100, uint32_t count = 1) {
    return append_at(stream, tag, tag, bytes, count);
  }
  base::Result<Appended> append_at(StreamId stream, base::Timestamp time, char tag,
                                   size_t bytes = 100, uint32_t count = 1) {
    const base::Status ready = run(*executor_, store_->open_for_append({stream}));
    if (!ready.has_value()) return std::unexpected(ready.error());
    const std::string payload(bytes, tag);
    return store_->append({.stream = stream,
                           .payload = base::as_bytes(payload),
                           .count = count,
                           .max_timestamp = time,
                           .match_offset = std::nullopt,
                           .fencing_token = std::nullopt});
  }
  void append_durably(StreamId stream, char tag, size_t bytes = 100, uint32_t count = 1) {
    append_durably_at(stream, tag, tag, bytes, count);
  }
  void append_durably_at(StreamId stream, base::Timestamp time, char tag, size_t bytes = 100,
                         uint32_t count = 1) {
    const auto appended = append_at(stream, time, tag, bytes, count);
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
    const base::Status durable = run(*executor_, store_->durable(appended->position));
    ASSERT_TRUE(durable.has_value()) << durable.error().message;
  }
  // The tags of everything readable from `from` on, and a check that offsets follow each other.
  std::string read_all(StreamId stream, Offset from = Offset(0)) {
    std::string tags;
    for (;;) {
      const auto read = run(*executor_, store_->read(stream, from, 1 << 20));
      EXPECT_TRUE(read.has_value()) << read.error().message;
      if (!read.has_value() || read->entries.empty()) return tags;
      for (const EntryRef& entry : read->entries) {
        EXPECT_TRUE(entry.header.base <= from && from < entry.header.end());
        uint64_t stamped = 0;
        std::memcpy(&stamped, entry.payload.bytes.data(), 8);
        EXPECT_EQ(stamped, entry.header.base.value);
        tags.push_back(static_cast<char>(entry.payload.bytes.back()));
        from = entry.header.end();
      }
    }
  }

  base::TimePoint now_{};
  base::SeededRandom random_{7};
  chunk::MemoryStore chunks_{11};
  CountingRules rules_;
  StreamStoreOptions options_;
  std::unique_ptr<object_store::MemoryObjectStore> objects_;
  std::unique_ptr<sim::SimExecutor> executor_;
  std::unique_ptr<sim::SimClock> clock_;
  std::unique_ptr<chunk::MemoryReplica> replica_;
  OpenLogs logs_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<StreamStore> store_;
};

inline constexpr StreamId kA{1};
inline constexpr StreamId kB{2};

}  // namespace thalweg
