// Streams of several storage classes in one store: each class has a channel and a log of its own.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "streamcore/base/byte_codec.h"
#include "streamcore/channel/channel_rows.h"
#include "streamcore/channel/row_keys.h"
#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/base/task_runner.h"
#include "tests/streamcore/stream/stream_store_fixture.h"

namespace thalweg {
namespace {

using base::ErrorCode;
using base::Status;
using enum StorageClass;

class StorageClassesTest : public testing::Test {
 protected:
  StorageClassesTest() {
    // Offload is asked for.
    options_.offload_interval_ms = 3'600'000;
  }
  ~StorageClassesTest() override { crash(); }

  struct Log {
    chunk::MemoryStore store;
    std::unique_ptr<chunk::MemoryReplica> replica;
  };

  // The logs this process may open; they outlive it.
  void place(StorageClass storage_class) {
    places_.push_back(storage_class);
    logs_.try_emplace(storage_class, chunk::MemoryStore(10 + logs_.size()), nullptr);
  }
  chunk::MemoryReplica& log(StorageClass storage_class) { return *logs_.at(storage_class).replica; }
  size_t chunks(StorageClass storage_class) {
    return logs_.at(storage_class).store.registers().size();
  }

  Status open() {
    executor_ = std::make_unique<sim::SimExecutor>(now_);
    clock_ = std::make_unique<sim::SimClock>(*executor_);
    if (!objects_) objects_ = std::make_unique<object_store::MemoryObjectStore>(*executor_);
    objects_->attach(*executor_);
    metadata_ = *run(*executor_, metadata::ObjectLogMetadataStore::open(
                                     *executor_, *objects_, random_, {.single_writer = true}));
    open_logs_ = std::make_unique<OpenLogs>();
    for (const StorageClass one : places_) {
      Log& log = logs_.at(one);
      log.replica = std::make_unique<chunk::MemoryReplica>(log.store, *executor_, random_);
      open_logs_->set(one, {log.replica.get()});
    }
    return open_store();
  }
  Status open_store() {
    auto opened = run(*executor_, StreamStore::open({.executor = *executor_,
                                                     .clock = *clock_,
                                                     .random = random_,
                                                     .objects = *objects_,
                                                     .metadata = *metadata_,
                                                     .logs = *open_logs_,
                                                     .rules = rules_},
                                                    options_));
    if (!opened.has_value()) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return {};
  }
  void open_three() {
    for (const StorageClass one : {kLocal, kStandard, kExpress}) place(one);
    const Status opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
  }
  void crash() {
    store_.reset();
    for (auto& [storage_class, log] : logs_) log.replica.reset();
    metadata_.reset();
    if (executor_) now_ = executor_->now();
    executor_.reset();
  }
  void crash_and_reopen() {
    crash();
    const Status opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
  }

  StreamId create(StorageClass storage_class) {
    const auto stream = run(*executor_, store_->allocate_streams(1, storage_class));
    EXPECT_TRUE(stream.has_value()) << stream.error().message;
    return *stream;
  }
  LogPosition append(StreamId stream, char tag) {
    EXPECT_TRUE(run(*executor_, store_->open_for_append({stream})).has_value());
    const std::string payload(100, tag);
    const auto appended = store_->append({.stream = stream,
                                          .payload = base::as_bytes(payload),
                                          .count = 1,
                                          .max_timestamp = 1,
                                          .match_offset = std::nullopt,
                                          .fencing_token = std::nullopt});
    EXPECT_TRUE(appended.has_value()) << appended.error().message;
    return appended.has_value() ? appended->position : LogPosition{};
  }
  void append_durably(StreamId stream, char tag) {
    ASSERT_TRUE(run(*executor_, store_->durable(append(stream, tag))).has_value());
  }
  std::string read_all(StreamId stream) {
    std::string tags;
    for (;;) {
      const auto read = run(*executor_, store_->read(stream, Offset(tags.size()), 1 << 20));
      EXPECT_TRUE(read.has_value()) << read.error().message;
      if (!read.has_value() || read->entries.empty()) return tags;
      for (const EntryRef& entry : read->entries) {
        tags.push_back(static_cast<char>(entry.payload.bytes.back()));
      }
    }
  }
  channel::ChannelRows rows() { return *run(*executor_, channel::load_channel_rows(*metadata_)); }

  base::TimePoint now_{};
  base::SeededRandom random_{7};
  CountingRules rules_;
  StreamStoreOptions options_;
  std::vector<StorageClass> places_;
  std::map<StorageClass, Log> logs_;
  std::unique_ptr<OpenLogs> open_logs_;
  std::unique_ptr<object_store::MemoryObjectStore> objects_;
  std::unique_ptr<sim::SimExecutor> executor_;
  std::unique_ptr<sim::SimClock> clock_;
  std::unique_ptr<metadata::ObjectLogMetadataStore> metadata_;
  std::unique_ptr<StreamStore> store_;
};

TEST_F(StorageClassesTest, AStreamsEntriesGoToTheLogOfItsClass) {
  open_three();
  const StreamId slow = create(kStandard);
  const StreamId quick = create(kExpress);
  EXPECT_EQ(store_->class_of(channel_of(slow)), kStandard);
  EXPECT_EQ(store_->class_of(channel_of(quick)), kExpress);
  const size_t before = chunks(kLocal);
  append_durably(quick, 'q');
  EXPECT_EQ(chunks(kExpress), 1u);
  EXPECT_EQ(chunks(kStandard), 0u);
  append_durably(slow, 's');
  EXPECT_EQ(chunks(kStandard), 1u);
  EXPECT_EQ(chunks(kLocal), before);
  EXPECT_EQ(read_all(quick) + read_all(slow), "qs");
}

TEST_F(StorageClassesTest, TheDefaultIsTheFirstPlaceOfANewStoreAndStaysThatOfItsFirstChannel) {
  open_three();
  EXPECT_EQ(store_->default_class(), kLocal);
  std::ranges::reverse(places_);
  crash_and_reopen();
  EXPECT_EQ(store_->default_class(), kLocal);
  options_.default_class = kExpress;
  crash_and_reopen();
  EXPECT_EQ(store_->default_class(), kExpress);
  EXPECT_EQ(channel_of(create(kLocal)), ChannelId(0));
  EXPECT_EQ(channel_of(create(kExpress)), ChannelId(1));
}

TEST_F(StorageClassesTest, AChannelIsMadeWhenTheFirstStreamOfItsClassIs) {
  open_three();
  EXPECT_EQ(rows().size(), 1u);
  create(kExpress);
  create(kExpress);
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[1].second.storage_class, kExpress);
  EXPECT_EQ(chunks(kStandard), 0u);
}

TEST_F(StorageClassesTest, ACrashOfAllChannelsLosesNothingOfAny) {
  open_three();
  std::map<StorageClass, StreamId> streams;
  for (const StorageClass one : places_) streams[one] = create(one);
  for (const char tag : {'a', 'b'}) {
    for (const auto& [one, stream] : streams) append_durably(stream, tag);
    crash_and_reopen();
  }
  for (const auto& [one, stream] : streams) {
    EXPECT_EQ(read_all(stream), "ab") << to_string(one);
    EXPECT_EQ(store_->class_of(channel_of(stream)), one);
    append_durably(stream, 'c');
  }
  ASSERT_TRUE(run(*executor_, store_->offload_all()).has_value());
  EXPECT_EQ(store_->outstanding_log_bytes(), 0u);
  crash_and_reopen();
  for (const auto& [one, stream] : streams) EXPECT_EQ(read_all(stream), "abc") << to_string(one);
}

TEST_F(StorageClassesTest, ACleanStopClosesEveryChannel) {
  open_three();
  for (const StorageClass one : places_) append_durably(create(one), 'a');
  ASSERT_TRUE(run(*executor_, store_->stop()).has_value());
  const channel::ChannelRows closed = rows();
  ASSERT_EQ(closed.size(), 3u);
  for (const auto& [id, row] : closed) EXPECT_EQ(row.state, channel::ChannelState::kClosed);
}

TEST_F(StorageClassesTest, OneCallTrimsAndRemovesStreamsOfSeveralChannels) {
  open_three();
  const StreamId one = create(kLocal);
  const StreamId other = create(kExpress);
  ASSERT_TRUE(run(*executor_, store_->open_for_append({one, other})).has_value());
  append_durably(one, 'a');
  append_durably(other, 'b');
  ASSERT_TRUE(run(*executor_, store_->trim(other, Offset(1))).has_value());
  EXPECT_EQ(run(*executor_, store_->bounds(other))->trim_point, Offset(1));
  ASSERT_TRUE(run(*executor_, store_->remove({one, other})).has_value());
  for (const StreamId stream : {one, other}) {
    EXPECT_EQ(run(*executor_, store_->bounds(stream))->durable_tail, Offset(0));
  }
}

TEST_F(StorageClassesTest, ALogThatStandsStillHoldsUpNoAppendOfAnotherClass) {
  open_three();
  const StreamId stuck = create(kExpress);
  const StreamId other = create(kLocal);
  append_durably(stuck, 'a');
  log(kExpress).faults.hangs = true;
  const LogPosition held = append(stuck, 'b');
  base::TaskRunner<Status> waiting(store_->durable(held));
  for (const char tag : {'x', 'y', 'z'}) append_durably(other, tag);
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(read_all(other), "xyz");
  EXPECT_EQ(read_all(stuck), "a");
}

TEST_F(StorageClassesTest, ALogThatDiesEndsItsChannelAlone) {
  open_three();
  const StreamId lost = create(kExpress);
  const StreamId other = create(kLocal);
  append_durably(lost, 'a');
  log(kExpress).faults.dead = true;
  EXPECT_EQ(run(*executor_, store_->durable(append(lost, 'b'))).error().code,
            ErrorCode::kUnknownOutcome);
  base::expect_error_line("chunk log: stopped");
  EXPECT_TRUE(store_->stopped(channel_of(lost)));
  EXPECT_FALSE(store_->stopped(channel_of(other)));
  EXPECT_EQ(run(*executor_, store_->admit(channel_of(lost), 100, kNoTimeLimit)).error().code,
            ErrorCode::kUnavailable);
  append_durably(other, 'x');
  EXPECT_EQ(read_all(lost), "a");
  EXPECT_FALSE(run(*executor_, store_->stop()).has_value());
  for (const auto& [id, row] : rows()) {
    EXPECT_EQ(row.state == channel::ChannelState::kClosed, id == channel_of(other));
  }
}

TEST_F(StorageClassesTest, AClassWithoutAPlaceIsRefusedWithThoseThereAre) {
  place(kLocal);
  ASSERT_TRUE(open().has_value());
  const Status refused = run(*executor_, store_->open_class(kExpress));
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("only for: local"), std::string::npos);
  EXPECT_EQ(store_->storage_classes(), std::vector{kLocal});
}

TEST_F(StorageClassesTest, AStoreDoesNotOpenWithoutThePlaceOfAChannelItHas) {
  open_three();
  append_durably(create(kExpress), 'a');
  crash();
  places_ = {kLocal, kStandard};
  const Status opened = open();
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(opened.error().message.find("class express"), std::string::npos);
}

TEST_F(StorageClassesTest, AClassWhoseLogIsNotThereIsOpenedOnceItIs) {
  open_three();
  open_logs_->set(kExpress, {});
  EXPECT_EQ(run(*executor_, store_->open_class(kExpress)).error().code, ErrorCode::kUnavailable);
  append_durably(create(kLocal), 'a');
  open_logs_->set(kExpress, {&log(kExpress)});
  append_durably(create(kExpress), 'b');
}

// As a version wrote it that knew of one channel.
TEST_F(StorageClassesTest, ARowThatSaysNoClassIsOfTheFirstPlace) {
  place(kStandard);
  ASSERT_TRUE(open().has_value());
  const StreamId stream = create(kStandard);
  append_durably(stream, 'a');
  const auto key = channel::channel_row_key(ChannelId(0));
  const auto written = run(*executor_, metadata_->get(key))->value();
  base::ByteWriter old;
  for (size_t i = 0; i + sizeof(uint32_t) < written.size(); ++i) {
    constexpr size_t kClassByte = 2;
    if (i != kClassByte) old.put(i == 0 ? uint8_t{2} : static_cast<uint8_t>(written[i]));
  }
  metadata::Transaction as_before;
  as_before.set(key, std::move(old).seal());
  ASSERT_TRUE(run(*executor_, metadata_->commit(std::move(as_before))).has_value());
  crash_and_reopen();
  EXPECT_EQ(rows()[0].second.storage_class, kStandard);
  EXPECT_EQ(store_->class_of(channel_of(stream)), kStandard);
  EXPECT_EQ(read_all(stream), "a");
}

}  // namespace
}  // namespace thalweg
