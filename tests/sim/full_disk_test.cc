// A short history on a disk that is full from one of its writes on, for each of the writes.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/sim/sim_process.h"
#include "tests/streamcore/base/log_lines.h"

namespace thalweg::sim {
namespace {

using base::ErrorCode;
using base::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Duration kAppendMax = seconds(1);
constexpr base::Duration kOtherMax = seconds(60);

Knobs short_history_knobs() {
  Knobs knobs;
  knobs.store.chunk_bytes_target = 16 << 10;
  knobs.store.log_ready_bytes_min = 16 << 10;
  knobs.store.own_segment_bytes = 5000;
  knobs.store.memory_tail_bytes_max = 1;
  knobs.store.delete_grace_ms = 1000;
  knobs.replica.file_bytes = 64 << 10;
  knobs.replica.usual_chunk_bytes = 16 << 10;
  knobs.replica.spare_files_max = 0;
  knobs.metadata.single_writer = true;
  knobs.metadata.snapshot_entries = 20;
  return knobs;
}

class History {
 public:
  // What the disk does from the site on.
  enum class Fault { kNone, kFull, kRefusesAll };

  History(Fault fault, uint64_t site) : fault_(fault) {
    open();
    begin_ = disk_.write_sites();
    if (fault == Fault::kFull) disk_.fill_at_write_site(begin_ + site);
    if (fault == Fault::kRefusesAll) disk_.fail_write_site(begin_ + site, true);
  }
  ~History() { kill(); }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  uint64_t sites() const { return disk_.write_sites() - begin_; }

  void live() {
    const auto first = end(process_->store().allocate_streams(3, StorageClass::kLocal), kOtherMax);
    note("allocate", first.has_value() ? Status() : std::unexpected(first.error()));
    for (uint64_t i = 0; i < 3 && first.has_value(); ++i) streams_.push_back(*first + i);
    append_some(6);
    offload();
    append_some(6);
    check();
    if (!streams_.empty()) trim(streams_[0], 2);
    if (!streams_.empty()) remove(streams_[2]);
    offload();
    process_->executor().run_for(seconds(6));  // the removed objects go
    restart(true);
    append_some(4);
    offload();
    check();
    restart(false);
    append_some(3);
    check();
  }

  // The disk has space again.
  void heal() {
    disk_.heal();
    if (fault_ == Fault::kRefusesAll || !process_->executor().next_due()) restart(false);
    fault_ = Fault::kNone;
    if (streams_.empty()) return live();
    process_->executor().run_for(seconds(1));
    append_some(3);
    offload();
    check();
    restart(true);
    check();
    ASSERT_GT(acked_, 0u);
  }

 private:
  template <class T>
  T end(base::Task<T> task, base::Duration limit) {
    SimExecutor& executor = process_->executor();
    const base::TimePoint deadline = executor.now() + limit;
    base::TaskRunner<T> runner(std::move(task));
    while (!runner.done()) {
      CHECK(executor.next_due().has_value() && *executor.next_due() <= deadline);
      executor.step();
    }
    return runner.take();
  }

  // What a full disk may refuse is data; one that refuses every write may refuse anything.
  void note(std::string_view what, const Status& status, bool data = false) {
    if (status.has_value()) return;
    const ErrorCode code = status.error().code;
    const bool expected = fault_ == Fault::kRefusesAll ||
                          (fault_ == Fault::kFull && data && code == ErrorCode::kNoSpace);
    EXPECT_TRUE(expected) << what << ": " << base::to_string(code) << ": "
                          << status.error().message;
  }

  void open() {
    process_ = std::make_unique<SimProcess>(disk_, now_, ++processes_, knobs_, Plant::kNone);
    const Status opened = end(process_->open(), kOtherMax);
    note("open", opened);
    if (opened.has_value()) return;
    // Nothing can be written at all: the start after the next heal is the one that counts.
    kill();
    disk_.heal();
    fault_ = Fault::kNone;
    open();
  }
  void kill() {
    now_ = process_->executor().now();
    process_->drop();
    disk_.attach(idle_);
    process_.reset();
  }
  void restart(bool cleanly) {
    if (cleanly) note("stop", end(process_->stop(), kOtherMax));
    kill();
    open();
  }

  void append_some(int count) {
    for (int i = 0; i < count; ++i) {
      for (const StreamId stream : streams_) {
        if (!removed_.contains(stream)) note("append", append(stream), true);
      }
    }
  }
  Status append(StreamId stream) {
    StreamStore& store = process_->store();
    TRY(end(store.open_for_append({stream}), kAppendMax));
    TRY(end(store.admit(ChannelId(0), framed_entry_bytes(kPayloadBytes), kNoTimeLimit),
            kAppendMax));
    const std::string payload = make_payload(stream, ++operations_, kPayloadBytes);
    const Appended appended = TRY(store.append({.stream = stream,
                                                .payload = base::as_bytes(payload),
                                                .count = 1,
                                                .max_timestamp = -1,
                                                .match_offset = std::nullopt,
                                                .fencing_token = std::nullopt}));
    TRY(end(store.durable(appended.position), kAppendMax));
    acknowledged_[stream][appended.base] = operations_;
    ++acked_;
    return {};
  }
  void offload() { note("offload", end(process_->store().offload_all(), kOtherMax), true); }
  void trim(StreamId stream, uint64_t to) {
    const auto bounds = end(process_->store().bounds(stream), kOtherMax);
    if (!bounds.has_value() || bounds->durable_tail < Offset(to)) return;
    note("trim", end(process_->store().trim(stream, Offset(to)), kOtherMax));
    auto& entries = acknowledged_[stream];
    entries.erase(entries.begin(), entries.lower_bound(Offset(to)));
  }
  void remove(StreamId stream) {
    removed_.insert(stream);
    note("remove", end(process_->store().remove({stream}), kOtherMax));
  }

  // Everything acknowledged is read, whatever the disk does.
  void check() {
    for (const auto& [stream, entries] : acknowledged_) {
      if (removed_.contains(stream)) continue;
      std::map<Offset, uint64_t> found;
      const auto bounds = end(process_->store().bounds(stream), kOtherMax);
      ASSERT_TRUE(bounds.has_value()) << bounds.error().message;
      for (Offset from = bounds->trim_point; from < bounds->durable_tail;) {
        const auto read = end(process_->store().read(stream, from, 100'000), kOtherMax);
        ASSERT_TRUE(read.has_value()) << read.error().message;
        for (const EntryRef& entry : read->entries) {
          found[entry.header.base] = operation_of(entry.payload.bytes);
        }
        from = read->entries.back().header.end();
      }
      for (const auto& [offset, operation] : entries) {
        EXPECT_EQ(found[offset], operation) << "stream " << stream.value << " at " << offset.value;
      }
    }
  }

  static constexpr size_t kPayloadBytes = 3000;

  Fault fault_;
  const Knobs knobs_ = short_history_knobs();
  base::SeededRandom disk_random_{3};
  SimExecutor idle_;
  SimFileSystem disk_{idle_, disk_random_};
  base::TimePoint now_{};
  std::unique_ptr<SimProcess> process_;
  uint64_t processes_ = 0;
  uint64_t begin_ = 0;
  uint64_t operations_ = 0;
  uint64_t acked_ = 0;
  std::vector<StreamId> streams_;
  std::set<StreamId> removed_;
  std::map<StreamId, std::map<Offset, uint64_t>> acknowledged_;
};

uint64_t sites_of_the_history() {
  History history(History::Fault::kNone, 0);
  history.live();
  return history.sites();
}

void try_each_site(History::Fault fault) {
  const uint64_t sites = sites_of_the_history();
  ASSERT_GT(sites, 100u);
  for (uint64_t site = 0; site < sites; ++site) {
    SCOPED_TRACE("write site " + std::to_string(site));
    History history(fault, site);
    history.live();
    history.heal();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(FullDisk, FromAnyWriteOnItRefusesDataOnlyAndStartsAndReadsUntilSpaceReturns) {
  try_each_site(History::Fault::kFull);
}

TEST(FullDisk, WhenItRefusesEveryWriteNothingAcknowledgedIsLost) {
  try_each_site(History::Fault::kRefusesAll);
  for (const std::string_view line : {"the local log is dead", "chunk log: stopped", "chunk"}) {
    base::take_log_lines(base::LogLevel::kError, line);
  }
}

}  // namespace
}  // namespace thalweg::sim
