// The object log in a simulated world: several nodes on one bucket, each stepped at random, with
// lost, late and repeated requests, damaged snapshots, and crashes anywhere. Every answer is
// checked against what the log finally says.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/streamcore/base/log_lines.h"
#include "tests/streamcore/metadata/metadata_node.h"

namespace thalweg::metadata {

namespace {

using base::ErrorCode;

// What the clients were told. A history of operations: the n-th one to succeed wrote hist/<n>.
struct Witness {
  std::map<uint64_t, uint64_t> acked;  // operation -> its place n
  std::map<uint64_t, uint64_t>
      refused;                // operation -> the place it wanted when its condition failed
  std::set<uint64_t> undone;  // operations that were told kNoSpace
  std::map<std::string, uint64_t> owned;  // key of one writer -> the last value acknowledged
  uint64_t length = 0;                    // every read sees at least so much history
  uint64_t operations = 0;
  // Incarnations may be forgotten while they have an entry in flight.
  bool may_be_unknown = false;
  uint64_t unknown = 0;

  bool is_unknown(const base::Error& error) {
    const bool is = may_be_unknown && error.code == ErrorCode::kUnknownOutcome;
    unknown += is;
    return is;
  }
};

std::string place(uint64_t n) { return "hist/" + std::to_string(100'000 + n); }

uint64_t number(const std::optional<std::string>& value) { return value ? std::stoull(*value) : 0; }

// Appends one operation to the history on the condition that nobody was faster.
base::Task<void> append(MetadataStore& store, Witness& witness) {
  const uint64_t known = witness.length;
  const auto read = co_await store.get("length");
  CHECK(read.has_value());
  const uint64_t n = number(*read);
  CHECK_GE(n, known);  // a read sees what was acknowledged before it began
  const uint64_t operation = ++witness.operations;
  Transaction transaction;
  transaction.require("length", *read).set("length", std::to_string(n + 1));
  transaction.set(place(n), std::to_string(operation));
  const auto status = co_await store.commit(std::move(transaction));
  if (status) {
    witness.acked[operation] = n;
    witness.length = std::max(witness.length, n + 1);
  } else if (status.error().code == ErrorCode::kConditionFailed) {
    witness.refused[operation] = n;
  } else if (!witness.is_unknown(status.error())) {
    CHECK(status.error().code == ErrorCode::kNoSpace);
    witness.undone.insert(operation);
  }
}

// Overwrites a key of its own without a condition: applied twice or late, an older value would come
// back.
base::Task<void> overwrite(MetadataStore& store, std::string key, Witness& witness) {
  const uint64_t value = witness.owned[key] + 1;
  const auto status = co_await store.commit(Transaction().set(key, std::to_string(value)));
  if (status) {
    witness.owned[key] = value;
    co_return;
  }
  CHECK(witness.is_unknown(status.error()) || status.error().code == ErrorCode::kNoSpace);
}

base::Task<void> look(MetadataStore& store, std::string key, Witness& witness) {
  const uint64_t value = witness.owned[key];
  const uint64_t known = witness.length;
  const auto read = co_await store.get(key);
  CHECK(read.has_value());
  CHECK_GE(number(*read), value);
  const auto found = co_await store.scan("hist/", "", 100'000);
  CHECK(found.has_value());
  CHECK_GE(found->size(), known);
  for (uint64_t n = 0; n < found->size(); ++n) CHECK((*found)[n].key == place(n));
}

base::Task<void> client(MetadataStore& store, base::Random& random, std::string key,
                        Witness& witness) {
  while (true) {
    const uint64_t choice = random.below(4);
    if (choice < 2) {
      co_await append(store, witness);
    } else if (choice == 2) {
      co_await overwrite(store, key, witness);
    } else {
      co_await look(store, key, witness);
    }
  }
}

struct Scenario {
  uint64_t nodes = 3;
  uint64_t steps = 1500;
  uint64_t crash_every = 0;  // once in so many steps, on average
  bool faults = true;
  bool single_writer = false;
  uint64_t incarnation_slots = kIncarnationSlots;
};

class World {
 public:
  World(uint64_t seed, Scenario scenario) : scenario_(scenario), bucket_(seed), random_(seed + 1) {
    if (scenario.faults) {
      bucket_.put_fault = [this](std::string_view key) { return fault(key); };
      bucket_.read_fails = [this](auto) { return random_.below(30) == 0; };
    }
    witness_.may_be_unknown = scenario.incarnation_slots != kIncarnationSlots;
    for (uint64_t i = 0; i < scenario.nodes; ++i) {
      ObjectLogOptions options{.single_writer = scenario.single_writer,
                               .snapshot_entries = 3 + random_.below(6),
                               .incarnation_slots = scenario.incarnation_slots};
      nodes_.push_back(std::make_unique<MetadataNode>(bucket_, options));
    }
  }

  void run() {
    for (uint64_t step = 0; step < scenario_.steps; ++step) {
      MetadataNode& node = *nodes_[random_.below(nodes_.size())];
      if (!node.alive()) {
        start(node);
      } else if (scenario_.crash_every != 0 && random_.below(scenario_.crash_every) == 0) {
        node.crash();
      } else {
        // Bursts: a node that stands still for long is overtaken by the others and by their
        // deletions.
        for (uint64_t burst = random_.below(60); burst > 0; --burst) node.executor().step();
      }
    }
    for (auto& node : nodes_) node->crash();
  }

  // Heals the bucket and compares what was answered with what the log says.
  void check() {
    bucket_.put_fault = nullptr;
    bucket_.read_fails = nullptr;
    MetadataNode node(bucket_, {.incarnation_slots = scenario_.incarnation_slots});
    ASSERT_TRUE(node.start()) << node.error().message;
    const auto found = *sim::run(node.executor(), node.store().scan("hist/", "", 100'000));
    EXPECT_GE(found.size(), witness_.length);
    std::map<uint64_t, uint64_t> places;
    for (uint64_t n = 0; n < found.size(); ++n) {
      EXPECT_EQ(found[n].key, place(n));
      const bool once = places.emplace(std::stoull(found[n].value), n).second;
      EXPECT_TRUE(once) << "operation " << found[n].value << " has two effects";
    }
    for (const auto& [operation, n] : witness_.acked) {
      ASSERT_TRUE(places.contains(operation))
          << "acknowledged operation " << operation << " is lost";
      EXPECT_EQ(places.at(operation), n);
    }
    for (const auto& [operation, n] : witness_.refused) {
      EXPECT_FALSE(places.contains(operation))
          << "refused operation " << operation << " has its effect";
      EXPECT_LT(n, found.size()) << "operation " << operation
                                 << " was refused but its condition held";
    }
    for (const uint64_t operation : witness_.undone) EXPECT_FALSE(places.contains(operation));
    for (const auto& [key, value] : witness_.owned) EXPECT_GE(number(*node.get(key)), value);
  }

  const Witness& witness() const { return witness_; }
  const Bucket& bucket() const { return bucket_; }

 private:
  void start(MetadataNode& node) {
    if (!node.start()) {
      CHECK(node.error().code == ErrorCode::kUnavailable);
      return;
    }
    for (int i = 0; i < 3; ++i) {
      const std::string key = "own/" + std::to_string(++writers_);
      node.tasks().spawn(client(node.store(), random_, key, witness_));
    }
  }
  PutFault fault(std::string_view key) {
    const uint64_t dice = random_.below(40);
    if (dice < 2) return PutFault::kLost;
    if (dice < 5) return PutFault::kLate;
    if (dice < 7) return PutFault::kAnswerLost;
    if (dice < 8) return PutFault::kNoSpace;
    if (dice < 12 && key.starts_with(kSnapshotPrefix)) return PutFault::kDamaged;
    return PutFault::kNone;
  }

  Scenario scenario_;
  Bucket bucket_;
  base::SeededRandom random_;
  Witness witness_;
  std::vector<std::unique_ptr<MetadataNode>> nodes_;
  uint64_t writers_ = 0;
};

class ObjectLogWorld : public testing::TestWithParam<uint64_t> {
 protected:
};

TEST_P(ObjectLogWorld, NodesWithoutFaultsAgree) {
  World world(GetParam(), {.steps = 700, .faults = false});
  world.run();
  EXPECT_GT(world.witness().length, 50u);
  world.check();
}

TEST_P(ObjectLogWorld, FaultyBucketBreaksNoPromise) {
  World world(GetParam() + 1000, {});
  world.run();
  EXPECT_GT(world.witness().length, 50u);
  EXPECT_GT(world.bucket().count(kBoundaryPrefix), 2u);
  world.check();
}

TEST_P(ObjectLogWorld, CrashesAmidFaultsBreakNoPromise) {
  World world(GetParam() + 2000, {.crash_every = 60});
  world.run();
  EXPECT_GT(world.witness().length, 20u);
  world.check();
}

TEST_P(ObjectLogWorld, SingleWriterThatCrashesBreaksNoPromise) {
  // One node. What it sent before it died may still arrive when the next one lives.
  World world(GetParam() + 3000, {.nodes = 1, .crash_every = 50, .single_writer = true});
  world.run();
  EXPECT_GT(world.witness().length, 20u);
  world.check();
}

TEST_P(ObjectLogWorld, IncarnationsThatAreForgottenSoonBreakNoPromise) {
  World world(GetParam() + 4000, {.crash_every = 60, .incarnation_slots = 2 + GetParam()});
  world.run();
  EXPECT_GT(world.witness().length, 20u);
  world.check();
  base::take_log_lines(base::LogLevel::kWarn, "retired while alive");
}

INSTANTIATE_TEST_SUITE_P(Seeds, ObjectLogWorld, testing::Range<uint64_t>(0, 6));

TEST(ObjectLogReplay, SameSeedGivesTheSameBucket) {
  World first(77, {.steps = 800, .crash_every = 50});
  World second(77, {.steps = 800, .crash_every = 50});
  first.run();
  second.run();
  EXPECT_EQ(first.bucket().objects, second.bucket().objects);
}

base::Task<void> commit_all(ObjectLogMetadataStore& store, uint64_t& acked) {
  for (uint64_t i = 0; i < 12; ++i) {
    Transaction transaction;
    transaction.require("next", i == 0 ? std::nullopt : std::optional(std::to_string(i)));
    transaction.set("next", std::to_string(i + 1)).set(place(i), "x");
    CHECK((co_await store.commit(std::move(transaction))).has_value());
    acked = i + 1;
  }
}

// The same run, crashed before each of its steps.
TEST(ObjectLogCrash, EveryAcknowledgedCommitSurvivesACrashAtAnyStep) {
  for (const bool single_writer : {false, true}) {
    const ObjectLogOptions options{.single_writer = single_writer, .snapshot_entries = 3};
    for (uint64_t step = 0;; ++step) {
      Bucket bucket(9);
      MetadataNode node(bucket, options);
      ASSERT_TRUE(node.start());
      uint64_t acked = 0;
      node.tasks().spawn(commit_all(node.store(), acked));
      node.executor().stop_at_step(node.executor().steps() + step);
      node.executor().run_until_idle();
      const bool finished = !node.executor().stopped();
      ASSERT_TRUE(node.start()) << "step " << step;
      const auto rows = *sim::run(node.executor(), node.store().scan("hist/", "", 100));
      ASSERT_GE(rows.size(), acked) << "step " << step;
      ASSERT_LE(rows.size(), acked + 1) << "step " << step;
      if (!finished) continue;
      ASSERT_EQ(acked, 12u);
      ASSERT_GT(step, 100u);
      break;
    }
  }
}

}  // namespace

}  // namespace thalweg::metadata
