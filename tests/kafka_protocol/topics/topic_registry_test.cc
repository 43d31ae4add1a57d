#include "kafka_protocol/topics/topic_registry.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "kafka_protocol/topics/batch_rules.h"
#include "streamcore/base/log.h"
#include "tests/kafka_protocol/topics/stream_batches.h"
#include "tests/streamcore/stream/store_world.h"

namespace thalweg::topics {
namespace {

using sim::run;
using wire::KafkaError;

// A MetadataStore whose next commits fail, done or not.
class FailingMetadata final : public metadata::MetadataStore {
 public:
  explicit FailingMetadata(metadata::MetadataStore& store) : store_(store) {}

  struct Failure {
    base::ErrorCode code;
    bool done = false;
  };
  std::deque<Failure> failures;
  int commits = 0;

  base::Task<base::Result<std::optional<std::string>>> get(std::string key) override {
    return store_.get(std::move(key));
  }
  base::Task<base::Result<std::vector<metadata::KeyValue>>> scan(std::string prefix,
                                                                 std::string start_after,
                                                                 size_t limit) override {
    return store_.scan(std::move(prefix), std::move(start_after), limit);
  }
  base::Task<base::Status> commit(metadata::Transaction transaction) override {
    ++commits;
    if (failures.empty()) co_return co_await store_.commit(std::move(transaction));
    const Failure failure = failures.front();
    failures.pop_front();
    if (failure.done) CO_TRY(co_await store_.commit(std::move(transaction)));
    co_return base::fail(failure.code, "told to fail");
  }

 private:
  metadata::MetadataStore& store_;
};

class TopicRegistryTest : public testing::Test {
 protected:
  TopicRegistryTest() { open(); }

  void open() {
    world_.open();
    metadata_ = std::make_unique<FailingMetadata>(world_.metadata());
    registry_ = std::make_unique<TopicRegistry>(
        TopicRegistry::Parts{world_.executor(), world_.clock(), world_.random(), world_.store(),
                             *metadata_},
        TopicDefaults());
    TopicRows rows;
    const base::Status read =
        run(world_.executor(), TopicRegistry::read(world_.executor(), *metadata_, rows));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    const base::Status adopted = registry_->adopt(rows);
    ASSERT_TRUE(adopted.has_value()) << adopted.error().message;
  }
  void crash_and_reopen() {
    registry_.reset();
    world_.crash();
    open();
  }
  void wait(base::Duration duration) { world_.executor().run_for(duration); }

  KafkaError create(const std::string& name, int32_t partitions = 1, ConfigEntries configs = {}) {
    std::vector<NewTopic> topics;
    topics.push_back({name, partitions, std::move(configs)});
    return run(world_.executor(), registry_->create(std::move(topics))).front().error;
  }
  KafkaError remove(const std::string& name) {
    return run(world_.executor(), registry_->remove(registry_->find(name))).error;
  }
  void finish_removals() {
    run(world_.executor(), registry_->finish_removals());
    world_.executor().run_for(std::chrono::seconds(1));
  }
  KafkaError grow(const std::string& name, int32_t count) {
    return run(world_.executor(), registry_->grow(registry_->find(name), count)).error;
  }
  std::vector<metadata::KeyValue> rows(std::string_view prefix) {
    return *run(world_.executor(), world_.metadata().scan(std::string(prefix), "", 1000));
  }
  void append(StreamId stream) {
    ASSERT_TRUE(run(world_.executor(), world_.store().open_for_append({stream})).has_value());
    const StreamBatch batch({});
    const auto appended = world_.store().append({.stream = stream,
                                                 .payload = batch.bytes(),
                                                 .count = 1,
                                                 .max_timestamp = 1000,
                                                 .match_offset = std::nullopt,
                                                 .fencing_token = std::nullopt});
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
    ASSERT_TRUE(run(world_.executor(), world_.store().durable(appended->position)).has_value());
  }
  Offset tail(StreamId stream) {
    return run(world_.executor(), world_.store().bounds(stream))->durable_tail;
  }

  BatchRules rules_;
  StoreWorld world_{rules_};
  std::unique_ptr<FailingMetadata> metadata_;
  std::unique_ptr<TopicRegistry> registry_;
};

TEST_F(TopicRegistryTest, ATopicIsFoundByNameAndByIdAlsoAfterACrash) {
  ASSERT_EQ(create("orders", 3, {{"retention.ms", "5"}}), KafkaError::kNone);
  const wire::Uuid id = registry_->find("orders")->id();
  const std::vector<StreamId> streams = registry_->find("orders")->streams();
  crash_and_reopen();
  const TopicRef topic = registry_->find("orders");
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->id(), id);
  EXPECT_EQ(registry_->find(id), topic);
  EXPECT_EQ(topic->streams(), streams);
  EXPECT_EQ(topic->settings().retention_ms, 5);
  EXPECT_EQ(registry_->find("order"), nullptr);
  EXPECT_EQ(registry_->find(wire::Uuid{1, 1}), nullptr);
}

TEST_F(TopicRegistryTest, AThousandPartitionsAreOneRow) {
  ASSERT_EQ(create("wide", 1000), KafkaError::kNone);
  EXPECT_EQ(rows(kTopicRowPrefix).size(), 1u);
  EXPECT_LT(rows(kTopicRowPrefix).front().value.size(), 100u);
  EXPECT_TRUE(rows("stream/").empty());
  const std::vector<StreamId> streams = registry_->find("wide")->streams();
  EXPECT_EQ(std::set<StreamId>(streams.begin(), streams.end()).size(), 1000u);
}

TEST_F(TopicRegistryTest, ManyTopicsAreCreatedInOneTransaction) {
  std::vector<NewTopic> topics;
  for (int i = 0; i < 200; ++i) topics.push_back({"t" + std::to_string(i), 10, {}});
  const uint64_t before = world_.executor().steps();
  const auto faults = run(world_.executor(), registry_->create(std::move(topics)));
  const uint64_t together = world_.executor().steps() - before;
  for (const TopicFault& fault : faults) EXPECT_TRUE(fault.ok()) << fault.message;
  EXPECT_EQ(registry_->size(), 200u);
  std::set<StreamId> streams;
  for (const TopicRef& topic : registry_->all()) {
    for (const StreamId stream : topic->streams()) streams.insert(stream);
  }
  EXPECT_EQ(streams.size(), 2000u);
  const uint64_t alone_before = world_.executor().steps();
  create("alone");
  // Two hundred topics take no more steps than a few of them alone.
  EXPECT_LT(together, 5 * (world_.executor().steps() - alone_before));
}

TEST_F(TopicRegistryTest, ACreationCutOffAnywhereIsAllOrNothing) {
  const auto wanted = [] {
    std::vector<NewTopic> topics;
    for (const char* name : {"a", "b", "c"}) topics.push_back({name, 1000, {}});
    return topics;
  };
  const uint64_t first = world_.executor().steps();
  run(world_.executor(), registry_->create(wanted()));
  const uint64_t steps = world_.executor().steps() - first;
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(remove(name), KafkaError::kNone);
  size_t created = 0;
  for (uint64_t cut = 0; cut < steps; ++cut) {
    world_.executor().stop_at_step(world_.executor().steps() + cut);
    (void)sim::try_run(world_.executor(), registry_->create(wanted()));
    crash_and_reopen();
    ASSERT_TRUE(registry_->size() == 0 || registry_->size() == 3) << "cut at " << cut;
    if (registry_->size() == 0) continue;
    ++created;
    for (const char* name : {"a", "b", "c"}) ASSERT_EQ(remove(name), KafkaError::kNone);
  }
  EXPECT_GT(created, 0u);
  EXPECT_LT(created, steps);
}

TEST_F(TopicRegistryTest, ATopicThatExistsIsRefused) {
  ASSERT_EQ(create("orders"), KafkaError::kNone);
  EXPECT_EQ(create("orders"), KafkaError::kTopicAlreadyExists);
  EXPECT_EQ(registry_->size(), 1u);
}

TEST_F(TopicRegistryTest, OneRefusedTopicDoesNotStopTheOthers) {
  std::vector<NewTopic> topics;
  topics.push_back({"good", 1, {}});
  topics.push_back({"bad name", 1, {}});
  topics.push_back({"none", 0, {}});
  topics.push_back({"odd", 1, {{"retention.ms", "soon"}}});
  topics.push_back({"fine", 2, {}});
  const auto faults = run(world_.executor(), registry_->create(std::move(topics)));
  ASSERT_EQ(faults.size(), 5u);
  EXPECT_EQ(faults[0].error, KafkaError::kNone);
  EXPECT_EQ(faults[1].error, KafkaError::kInvalidTopicException);
  EXPECT_EQ(faults[2].error, KafkaError::kInvalidPartitions);
  EXPECT_EQ(faults[3].error, KafkaError::kInvalidConfig);
  EXPECT_EQ(faults[4].error, KafkaError::kNone);
  EXPECT_EQ(registry_->size(), 2u);
}

TEST_F(TopicRegistryTest, ATopicsStreamsAreOfItsStorageClassAlsoThoseAddedLater) {
  const auto classes_of = [&](const std::string& name) {
    std::set<StorageClass> classes;
    for (const StreamId stream : registry_->find(name)->streams()) {
      classes.insert(world_.store().class_of(channel_of(stream)));
    }
    return classes;
  };
  ASSERT_EQ(create("x", 2, {{"thalweg.storage.class", "express"}}), KafkaError::kNone);
  ASSERT_EQ(create("l", 2), KafkaError::kNone);
  ASSERT_EQ(grow("x", 3), KafkaError::kNone);
  ASSERT_EQ(grow("l", 3), KafkaError::kNone);
  EXPECT_EQ(classes_of("x"), std::set{StorageClass::kExpress});
  EXPECT_EQ(classes_of("l"), std::set{StorageClass::kLocal});
  crash_and_reopen();
  EXPECT_EQ(classes_of("x"), std::set{StorageClass::kExpress});
}

TEST_F(TopicRegistryTest, AStorageClassWithoutALogIsRefusedWithThoseThatHaveOne) {
  const TopicFault fault =
      registry_->check_new({.name = "t", .configs = {{"thalweg.storage.class", "standard"}}});
  EXPECT_EQ(fault.error, KafkaError::kInvalidConfig);
  EXPECT_NE(fault.message.find("standard"), std::string::npos);
  EXPECT_NE(fault.message.find("local, express"), std::string::npos);
  EXPECT_EQ(create("t", 1, {{"thalweg.storage.class", "quick"}}), KafkaError::kInvalidConfig);
}

TEST_F(TopicRegistryTest, ALogThatCannotBeOpenedIsTheFaultOfTopicsOfItsClassAlone) {
  world_.logs().set(StorageClass::kExpress, {});
  std::vector<NewTopic> topics;
  topics.push_back({"x", 1, {{"thalweg.storage.class", "express"}}});
  topics.push_back({"l", 1, {}});
  const auto faults = run(world_.executor(), registry_->create(std::move(topics)));
  EXPECT_EQ(faults[0].error, KafkaError::kKafkaStorageError);
  EXPECT_EQ(faults[1].error, KafkaError::kNone);
  world_.logs().set(StorageClass::kExpress, {&world_.express_log()});
  EXPECT_EQ(create("x", 1, {{"thalweg.storage.class", "express"}}), KafkaError::kNone);
}

TEST_F(TopicRegistryTest, NamesThatDifferOnlyInDotsAndUnderscoresCollide) {
  ASSERT_EQ(create("a.b_c"), KafkaError::kNone);
  EXPECT_EQ(create("a_b_c"), KafkaError::kInvalidTopicException);
  EXPECT_EQ(create("a_b.c"), KafkaError::kInvalidTopicException);
  EXPECT_EQ(create("a-b-c"), KafkaError::kNone);
  crash_and_reopen();
  EXPECT_EQ(create("a_b_c"), KafkaError::kInvalidTopicException);
  ASSERT_EQ(remove("a.b_c"), KafkaError::kNone);
  EXPECT_EQ(create("a_b_c"), KafkaError::kNone);
}

TEST_F(TopicRegistryTest, NamesThatDifferOnlyInDotsAndUnderscoresCollideInOneRequestToo) {
  std::vector<NewTopic> topics;
  topics.push_back({"a.b", 1, {}});
  topics.push_back({"a_b", 1, {}});
  topics.push_back({"a-b", 1, {}});
  const auto faults = run(world_.executor(), registry_->create(std::move(topics)));
  EXPECT_EQ(faults[0].error, KafkaError::kNone);
  EXPECT_EQ(faults[1].error, KafkaError::kInvalidTopicException);
  EXPECT_EQ(faults[2].error, KafkaError::kNone);
  EXPECT_EQ(registry_->size(), 2u);
}

TEST_F(TopicRegistryTest, PartitionsOfAllTopicsTogetherAreLimited) {
  const auto each = static_cast<int32_t>(kPartitionsTotalMax / 10);
  std::vector<NewTopic> topics;
  for (int i = 0; i < 11; ++i) topics.push_back({"t" + std::to_string(i), each, {}});
  const auto faults = run(world_.executor(), registry_->create(std::move(topics)));
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(faults[i].error, KafkaError::kNone) << i;
  EXPECT_EQ(faults[10].error, KafkaError::kPolicyViolation);
  EXPECT_EQ(create("one-more"), KafkaError::kPolicyViolation);
  crash_and_reopen();
  EXPECT_EQ(create("one-more"), KafkaError::kPolicyViolation);
  ASSERT_EQ(remove("t0"), KafkaError::kNone);
  EXPECT_EQ(create("half", each / 2), KafkaError::kNone);
  EXPECT_EQ(create("other"), KafkaError::kNone);
  EXPECT_EQ(grow("other", each / 2 + 1), KafkaError::kPolicyViolation);
  EXPECT_EQ(grow("other", each / 2), KafkaError::kNone);
}

TEST_F(TopicRegistryTest, IllegalNamesAreRefused) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a b"), std::string("ä"),
        std::string(250, 'x'), std::string("a/b"), std::string("nul\0", 4)}) {
    EXPECT_EQ(create(name), KafkaError::kInvalidTopicException) << name;
  }
  EXPECT_EQ(create(std::string(249, 'x')), KafkaError::kNone);
}

TEST_F(TopicRegistryTest, GrowingKeepsTheStreamsThereAre) {
  ASSERT_EQ(create("orders", 2), KafkaError::kNone);
  const std::vector<StreamId> before = registry_->find("orders")->streams();
  ASSERT_EQ(create("between"), KafkaError::kNone);
  ASSERT_EQ(grow("orders", 5), KafkaError::kNone);
  crash_and_reopen();
  const TopicRef topic = registry_->find("orders");
  ASSERT_EQ(topic->partition_count(), 5);
  const std::vector<StreamId> after = topic->streams();
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
  EXPECT_EQ(std::set<StreamId>(after.begin(), after.end()).size(), 5u);
  for (int32_t p = 0; p < 5; ++p) EXPECT_EQ(topic->stream(p), after[static_cast<size_t>(p)]);
  const std::vector<StreamId> between = registry_->find("between")->streams();
  EXPECT_EQ(std::count(after.begin(), after.end(), between.front()), 0);
}

TEST_F(TopicRegistryTest, GrowingToNoMoreIsRefused) {
  ASSERT_EQ(create("orders", 2), KafkaError::kNone);
  EXPECT_EQ(grow("orders", 2), KafkaError::kInvalidPartitions);
  EXPECT_EQ(grow("orders", 1), KafkaError::kInvalidPartitions);
  EXPECT_EQ(grow("orders", kPartitionsMax + 1), KafkaError::kInvalidPartitions);
  EXPECT_EQ(registry_->find("orders")->partition_count(), 2);
}

TEST_F(TopicRegistryTest, ARemovedTopicIsGoneWithItsStreams) {
  ASSERT_EQ(create("orders", 2), KafkaError::kNone);
  const TopicRef held = registry_->find("orders");
  append(held->stream(1));
  std::string told;
  registry_->on_removed([&told](std::string name, wire::Uuid) -> base::Task<base::Status> {
    told = std::move(name);
    co_return base::Status{};
  });
  ASSERT_EQ(remove("orders"), KafkaError::kNone);
  EXPECT_EQ(told, "orders");
  EXPECT_TRUE(held->deleted());
  EXPECT_EQ(registry_->find("orders"), nullptr);
  EXPECT_EQ(registry_->find(held->id()), nullptr);
  EXPECT_TRUE(rows(kTopicRowPrefix).empty());
  EXPECT_TRUE(rows(kDeletingRowPrefix).empty());
  EXPECT_TRUE(rows("stream/").empty());
  EXPECT_EQ(run(world_.executor(), registry_->remove(held)).error,
            KafkaError::kUnknownTopicOrPartition);
  EXPECT_EQ(run(world_.executor(), registry_->grow(held, 9)).error,
            KafkaError::kUnknownTopicOrPartition);
}

TEST_F(TopicRegistryTest, ARecreatedTopicIsAnother) {
  ASSERT_EQ(create("orders"), KafkaError::kNone);
  const TopicRef old = registry_->find("orders");
  append(old->stream(0));
  ASSERT_EQ(remove("orders"), KafkaError::kNone);
  ASSERT_EQ(create("orders"), KafkaError::kNone);
  const TopicRef topic = registry_->find("orders");
  EXPECT_NE(topic->id(), old->id());
  EXPECT_NE(topic->stream(0), old->stream(0));
  EXPECT_EQ(tail(topic->stream(0)), Offset(0));
}

// Cut off between the topic's row and its streams, the removal is finished by the next process.
TEST_F(TopicRegistryTest, ARemovalCutOffAnywhereIsAllOrNothingAfterLoad) {
  const auto begin = [&] {
    ASSERT_EQ(create("orders", 2), KafkaError::kNone);
    append(registry_->find("orders")->stream(1));
  };
  begin();
  const uint64_t first = world_.executor().steps();
  ASSERT_EQ(remove("orders"), KafkaError::kNone);
  const uint64_t steps = world_.executor().steps() - first;
  size_t gone = 0;
  for (uint64_t cut = 0; cut < steps; ++cut) {
    if (registry_->find("orders") == nullptr) begin();
    const StreamId stream = registry_->find("orders")->stream(1);
    world_.executor().stop_at_step(world_.executor().steps() + cut);
    (void)sim::try_run(world_.executor(), registry_->remove(registry_->find("orders")));
    crash_and_reopen();
    finish_removals();
    EXPECT_TRUE(rows(kDeletingRowPrefix).empty()) << "cut at " << cut;
    const bool exists = registry_->find("orders") != nullptr;
    EXPECT_EQ(rows("stream/").size(), exists ? 1u : 0u) << "cut at " << cut;
    if (!exists) ++gone;
    crash_and_reopen();  // the log is read again, and brings nothing back
    EXPECT_EQ(tail(stream), exists ? Offset(1) : Offset(0)) << "cut at " << cut;
  }
  EXPECT_GT(gone, 0u);
  EXPECT_LT(gone, steps);
}

// What hangs on a topic is told after a crash, too, and before the last trace of it goes.
TEST_F(TopicRegistryTest, ARemovalCutOffAnywhereIsToldToTheListener) {
  std::set<std::string> told;
  const auto listen = [&] {
    registry_->on_removed([&told](std::string name, wire::Uuid) -> base::Task<base::Status> {
      told.insert(std::move(name));
      co_return base::Status{};
    });
  };
  for (uint64_t cut = 0; cut < 200; ++cut) {
    if (registry_->find("orders") == nullptr) ASSERT_EQ(create("orders"), KafkaError::kNone);
    const wire::Uuid id = registry_->find("orders")->id();
    world_.executor().stop_at_step(world_.executor().steps() + cut);
    (void)sim::try_run(world_.executor(), registry_->remove(registry_->find("orders")));
    crash_and_reopen();
    told.clear();  // what the dead process did about it may have come to nothing
    listen();
    const bool pending = !rows(kDeletingRowPrefix).empty();
    finish_removals();
    EXPECT_EQ(told.contains("orders"), pending) << "cut at " << cut;
    EXPECT_EQ(registry_->find(id) != nullptr && pending, false);
  }
}

TEST_F(TopicRegistryTest, AListenerThatFailsIsToldAgain) {
  ASSERT_EQ(create("orders"), KafkaError::kNone);
  int failures = 3;
  registry_->on_removed([&failures](std::string, wire::Uuid) -> base::Task<base::Status> {
    if (failures-- > 0) co_return base::fail(base::ErrorCode::kUnavailable, "asked to fail");
    co_return base::Status{};
  });
  EXPECT_EQ(remove("orders"), KafkaError::kNone);
  EXPECT_FALSE(rows(kDeletingRowPrefix).empty());
  world_.executor().run_for(std::chrono::seconds(5));
  EXPECT_TRUE(rows(kDeletingRowPrefix).empty());
  EXPECT_EQ(failures, -1);
  run(world_.executor(), registry_->stop());
}

TEST_F(TopicRegistryTest, AnInternalTopicIsTheBrokersOwn) {
  EXPECT_EQ(create(std::string(kOffsetsTopic)), KafkaError::kInvalidTopicException);
  std::vector<NewTopic> topics;
  topics.push_back({std::string(kOffsetsTopic), 1, {}, true});
  EXPECT_TRUE(run(world_.executor(), registry_->create(std::move(topics))).front().ok());
  EXPECT_EQ(remove(std::string(kOffsetsTopic)), KafkaError::kInvalidTopicException);
  EXPECT_FALSE(registry_->find(kOffsetsTopic)->deleted());
}

TEST_F(TopicRegistryTest, ARemovalThatDidNothingLeavesTheTopicAsItWas) {
  ASSERT_EQ(create("orders"), KafkaError::kNone);
  metadata_->failures.push_back({base::ErrorCode::kNoSpace});
  EXPECT_EQ(remove("orders"), KafkaError::kKafkaStorageError);
  ASSERT_NE(registry_->find("orders"), nullptr);
  EXPECT_FALSE(registry_->find("orders")->deleted());
  append(registry_->find("orders")->stream(0));
  EXPECT_EQ(remove("orders"), KafkaError::kNone);
  EXPECT_EQ(create("orders"), KafkaError::kNone);
}

TEST_F(TopicRegistryTest, ARemovalOfUnknownOutcomeIsSentUntilItIsKnown) {
  for (const bool done : {false, true}) {
    ASSERT_EQ(create("orders"), KafkaError::kNone);
    metadata_->failures.assign(2, {base::ErrorCode::kUnknownOutcome});
    metadata_->failures.front().done = done;
    EXPECT_EQ(remove("orders"), KafkaError::kNone);
    EXPECT_EQ(registry_->find("orders"), nullptr);
    EXPECT_TRUE(rows(kTopicRowPrefix).empty());
    EXPECT_TRUE(rows(kDeletingRowPrefix).empty());
  }
}

TEST_F(TopicRegistryTest, RetentionLoadsNoStreamThatWasNeverWrittenTo) {
  ASSERT_EQ(create("wide", 1000, {{"retention.bytes", "0"}}), KafkaError::kNone);
  const StreamId written = registry_->find("wide")->stream(700);
  append(written);
  ASSERT_TRUE(run(world_.executor(), world_.store().offload_all()).has_value());
  registry_->start_retention(std::chrono::seconds(10));
  wait(std::chrono::milliseconds(10'100));
  EXPECT_EQ(run(world_.executor(), world_.store().bounds(written))->trim_point, Offset(1));
  EXPECT_FALSE(world_.store().known_bounds(registry_->find("wide")->stream(0)).has_value());
}

TEST_F(TopicRegistryTest, RetentionGivesOthersATurnAmongManySmallTopics) {
  std::vector<NewTopic> topics;
  for (int i = 0; i < 1000; ++i) topics.push_back({"t" + std::to_string(i), 1, {}});
  run(world_.executor(), registry_->create(std::move(topics)));
  const auto steps_in_15_seconds = [&] {
    const uint64_t before = world_.executor().steps();
    wait(std::chrono::seconds(15));
    return world_.executor().steps() - before;
  };
  const uint64_t idle = steps_in_15_seconds();
  registry_->start_retention(std::chrono::seconds(10));
  EXPECT_GE(steps_in_15_seconds(), idle + 10);
}

TEST_F(TopicRegistryTest, ARetentionIntervalPastAllTimeIsNever) {
  ASSERT_EQ(create("short", 1, {{"retention.bytes", "0"}}), KafkaError::kNone);
  const StreamId stream = registry_->find("short")->stream(0);
  append(stream);
  ASSERT_TRUE(run(world_.executor(), world_.store().offload_all()).has_value());
  registry_->start_retention(std::chrono::milliseconds::max());
  wait(std::chrono::hours(1));
  EXPECT_EQ(run(world_.executor(), world_.store().bounds(stream))->trim_point, Offset(0));
}

TEST_F(TopicRegistryTest, RetentionTrimsEveryTopicThatDeletes) {
  ASSERT_EQ(create("short", 1, {{"retention.bytes", "0"}}), KafkaError::kNone);
  ASSERT_EQ(create("kept", 1, {{"retention.bytes", "0"}, {"cleanup.policy", "compact"}}),
            KafkaError::kNone);
  const StreamId short_lived = registry_->find("short")->stream(0);
  const StreamId kept = registry_->find("kept")->stream(0);
  append(short_lived);
  append(kept);
  ASSERT_TRUE(run(world_.executor(), world_.store().offload_all()).has_value());
  registry_->start_retention(std::chrono::seconds(10));
  world_.executor().run_for(std::chrono::seconds(11));
  EXPECT_EQ(run(world_.executor(), world_.store().bounds(short_lived))->trim_point, Offset(1));
  EXPECT_EQ(run(world_.executor(), world_.store().bounds(kept))->trim_point, Offset(0));
  run(world_.executor(), registry_->stop());
}

}  // namespace
}  // namespace thalweg::topics
