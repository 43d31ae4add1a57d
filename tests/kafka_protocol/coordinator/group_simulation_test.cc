// Consumers that behave as clients do, against a coordinator that is killed and whose log fails, in
// virtual time.
#include <gtest/gtest.h>

#include <set>

#include "tests/kafka_protocol/coordinator/broker.h"

namespace thalweg::coordinator {
namespace {

using enum KafkaError;

// What all consumers were told, over the whole run: generation -> member -> its part.
using Told = std::map<int32_t, std::map<std::string, std::string>>;

// One consumer process: joins, syncs, heartbeats, commits, and starts over when it is told to.
class Consumer {
 public:
  Consumer(Broker& broker, base::Random& random, Told& told, std::optional<std::string> instance)
      : client_(broker), random_(random), told_(told) {
    client_.instance = std::move(instance);
  }

  // Called every 100 ms.
  void tick() {
    if (joining_) return on_join();
    if (syncing_) return on_sync();
    if (client_.generation < 0) {
      joining_.emplace(client_.join());
    } else if (++ticks_ % kHeartbeatTicks == 0) {
      on_error(client_.heartbeat());
    }
  }
  // The process dies; requests of it are never answered. A dynamic one comes back as somebody else.
  void die() {
    joining_.reset();
    syncing_.reset();
    client_.generation = -1;
    client_.id.clear();
    part_.reset();
  }
  // The connection breaks; the client asks again.
  void disconnect() {
    if (joining_ || syncing_) rejoin();
    joining_.reset();
    syncing_.reset();
  }
  void leave() {
    if (!client_.id.empty()) client_.leave();
    die();
  }
  const std::optional<std::string>& part() const { return part_; }
  int32_t generation() const { return client_.generation; }

 private:
  void rejoin() {
    client_.generation = -1;
    part_.reset();
  }
  void on_error(KafkaError error) {
    if (error == kNone || error == kCoordinatorLoadInProgress) return;
    if (error == kUnknownMemberId || error == kIllegalGeneration || error == kFencedInstanceId) {
      client_.id.clear();
    }
    rejoin();
  }
  void on_join() {
    if (!joining_->ready()) return;
    const wire::JoinGroupResponse answer = joining_->get();
    joining_.reset();
    if (answer.error_code == kMemberIdRequired) {
      client_.id = answer.member_id;
      return;
    }
    if (answer.error_code != kNone) return on_error(answer.error_code);
    client_.id = answer.member_id;
    client_.generation = answer.generation_id;
    std::vector<std::pair<std::string, std::string>> parts;
    if (answer.leader == client_.id && !answer.skip_assignment) {
      for (size_t i = 0; i < answer.members.size(); ++i) {
        parts.emplace_back(answer.members[i].member_id, std::to_string(random_.next()));
      }
    }
    syncing_.emplace(client_.sync(std::move(parts)));
  }
  void on_sync() {
    if (!syncing_->ready()) return;
    const wire::SyncGroupResponse answer = syncing_->get();
    syncing_.reset();
    if (answer.error_code != kNone) return on_error(answer.error_code);
    part_ = text(answer.assignment);
    const auto [at, fresh] = told_[client_.generation].emplace(client_.id, *part_);
    EXPECT_EQ(at->second, *part_) << "generation " << client_.generation << " has two assignments";
  }

  static constexpr int kHeartbeatTicks = 30;

  Client client_;
  int ticks_ = 0;
  base::Random& random_;
  Told& told_;
  std::optional<Pending<wire::JoinGroupResponse>> joining_;
  std::optional<Pending<wire::SyncGroupResponse>> syncing_;
  std::optional<std::string> part_;
};

struct World {
  explicit World(uint64_t seed) : random(seed), broker(options()) {
    broker.log.append_takes = std::chrono::milliseconds(1 + random.below(300));
    for (int i = 0; i < 4; ++i) {
      std::optional<std::string> instance;
      if (i >= 2) instance = "instance-" + std::to_string(i);
      consumers.push_back(std::make_unique<Consumer>(broker, random, told, std::move(instance)));
    }
  }
  static CoordinatorOptions options() {
    CoordinatorOptions options;
    options.groups.initial_rebalance_delay = 500ms;
    options.rewrite_records_min = 10;
    return options;
  }
  void run(base::Duration time) {
    for (base::Duration passed{}; passed < time; passed += 100ms) {
      for (auto& consumer : consumers) consumer->tick();
      broker.pass(100ms);
    }
  }
  void misfortune() {
    Consumer& victim = *consumers[random.below(consumers.size())];
    switch (random.below(7)) {
      case 0: return victim.die();
      case 1: return victim.disconnect();
      case 2: return victim.leave();
      case 3: broker.log.fail_next = base::ErrorCode::kNoSpace; return;
      case 4:
        broker.log.lands_all_the_same = random.below(2) == 0;
        broker.log.fail_next = base::ErrorCode::kUnknownOutcome;
        return;
      case 5:
        for (auto& consumer : consumers) consumer->disconnect();
        return broker.restart();
      default: return;
    }
  }

  base::SeededRandom random;
  Broker broker;
  Told told;
  std::vector<std::unique_ptr<Consumer>> consumers;
};

TEST(GroupSimulation, EveryGenerationHasOneAssignmentAndTheGroupSettles) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    for (int i = 0; i < 20; ++i) {
      world.run(std::chrono::milliseconds(100 * world.random.below(150)));
      world.misfortune();
    }
    world.broker.log.fail_next.reset();
    world.run(150s);
    EXPECT_EQ(world.broker.state(), "Stable") << "seed " << seed;
    std::set<std::string> parts;
    for (auto& consumer : world.consumers) {
      ASSERT_TRUE(consumer->part().has_value()) << "seed " << seed;
      EXPECT_EQ(consumer->generation(), world.consumers[0]->generation()) << "seed " << seed;
      parts.insert(*consumer->part());
    }
    EXPECT_EQ(parts.size(), world.consumers.size()) << "seed " << seed;
    // It stays settled: no rebalance without a cause.
    const int32_t generation = world.consumers[0]->generation();
    world.run(60s);
    EXPECT_EQ(world.consumers[0]->generation(), generation) << "seed " << seed;
    if (testing::Test::HasFailure()) break;
  }
}

TEST(GroupSimulation, TheSameSeedGivesTheSameLog) {
  const auto log_of = [](uint64_t seed) {
    World world(seed);
    world.run(5s);
    world.consumers[0]->leave();
    world.run(20s);
    std::vector<wire::Bytes> values;
    for (const auto& record : world.broker.log.records()) {
      values.push_back(record.value.value_or(wire::Bytes()));
    }
    return values;
  };
  EXPECT_EQ(log_of(7), log_of(7));
  EXPECT_NE(log_of(7), log_of(8));
}

}  // namespace
}  // namespace thalweg::coordinator
