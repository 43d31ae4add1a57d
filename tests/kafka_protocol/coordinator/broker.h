// A coordinator in virtual time, and members of one group that talk to it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka_protocol/coordinator/group_coordinator.h"
#include "streamcore/base/log.h"
#include "streamcore/base/random.h"
#include "tests/kafka_protocol/coordinator/memory_log.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_executor.h"

namespace thalweg::coordinator {

using namespace std::chrono_literals;  // NOLINT: tests read better

// An answer that may not be there yet.
template <class T>
class Pending {
 public:
  Pending(base::TaskGroup& group, base::Task<T> task)
      : slot_(std::make_shared<std::optional<T>>()) {
    group.spawn(fill(std::move(task), slot_));
  }
  bool ready() const { return slot_->has_value(); }
  const T& get() const {
    CHECK(ready());
    return **slot_;
  }
  const T* operator->() const { return &get(); }

 private:
  static base::Task<void> fill(base::Task<T> task, std::shared_ptr<std::optional<T>> slot) {
    slot->emplace(co_await std::move(task));
  }
  std::shared_ptr<std::optional<T>> slot_;
};

class Broker {
 public:
  explicit Broker(CoordinatorOptions options = {}) : options_(options) { start(); }

  // As after kill -9: nothing but the log is left, and nothing of the old process runs again.
  void restart() {
    const base::TimePoint now = executor().now();
    requests_.reset();
    coordinator_.reset();
    executor_ = std::make_unique<sim::SimExecutor>(now);
    log.move_to(executor());
    start();
  }

  sim::SimExecutor& executor() { return *executor_; }
  GroupCoordinator& coordinator() { return *coordinator_; }
  void pass(base::Duration time) { executor().run_for(time); }
  base::TaskGroup& requests() { return *requests_; }
  template <class T>
  T run(base::Task<T> task) {
    return sim::run(executor(), std::move(task));
  }
  std::string state(std::string_view group = "g") {
    return coordinator().describe_group(group, 5).group_state;
  }

  base::SeededRandom random{1};

 private:
  void start() {
    clock_.emplace(executor());
    requests_ = std::make_unique<base::TaskGroup>(executor());
    coordinator_ = std::make_unique<GroupCoordinator>(
        GroupCoordinator::Parts{executor(), *clock_, random, log}, options_);
    CHECK(sim::run(executor(), coordinator_->load()).has_value());
  }

  CoordinatorOptions options_;
  std::unique_ptr<sim::SimExecutor> executor_ = std::make_unique<sim::SimExecutor>();
  std::optional<sim::SimClock> clock_;

 public:
  MemoryLog log{*executor_};

 private:
  std::unique_ptr<base::TaskGroup> requests_;
  std::unique_ptr<GroupCoordinator> coordinator_;
};

// A member of group "g", with the requests of the newest version.
class Client {
 public:
  explicit Client(Broker& broker, std::string protocols = "range")
      : broker_(&broker), protocols_(std::move(protocols)) {}

  Pending<wire::JoinGroupResponse> join() {
    return {broker_->requests(), join_task(*broker_, *this)};
  }
  // Joins, and again with the id it is given.
  Pending<wire::JoinGroupResponse> enter() {
    if (id.empty() && !instance) {
      auto first = join();
      CHECK(first->error_code == KafkaError::kMemberIdRequired);
      id = first->member_id;
    }
    return join();
  }
  // Takes id and generation from an answer.
  void follow(const Pending<wire::JoinGroupResponse>& answer) {
    CHECK(answer->error_code == KafkaError::kNone);
    id = answer->member_id;
    generation = answer->generation_id;
  }
  Pending<wire::SyncGroupResponse> sync(
      std::vector<std::pair<std::string, std::string>> parts = {}) {
    return {broker_->requests(), sync_task(*broker_, *this, std::move(parts))};
  }
  KafkaError heartbeat() {
    return broker_->coordinator()
        .heartbeat({.group_id = group,
                    .generation_id = generation,
                    .member_id = id,
                    .group_instance_id = instance_view()})
        .error_code;
  }
  Pending<wire::LeaveGroupResponse> leave() {
    return {broker_->requests(), leave_task(*broker_, *this)};
  }
  Pending<wire::OffsetCommitResponse> commit(int64_t offset, std::string topic = "t",
                                             std::string metadata = "") {
    return {broker_->requests(), commit_task(*broker_, *this, offset, topic, metadata)};
  }
  // The committed offset of partition 0; -1 if there is none.
  int64_t fetch(std::string_view topic = "t") {
    wire::OffsetFetchRequest::Group request{.group_id = group, .member_id = {}, .topics = {}};
    request.topics.emplace();
    request.topics->push_back({.name = topic, .topic_id = {}, .partition_indexes = {0}});
    return broker_->coordinator().fetch_offsets(request).topics[0].partitions[0].committed_offset;
  }

  std::string group = "g";
  std::string client_id = "client";
  wire::Uuid topic_id;  // of what it commits for
  std::string id;
  std::optional<std::string> instance;
  int32_t generation = -1;
  int16_t version = 9;
  std::string protocol_type = "consumer";
  std::string metadata = "subscription";
  int32_t session_timeout_ms = 10000;
  int32_t rebalance_timeout_ms = 60000;

 private:
  std::optional<std::string_view> instance_view() const {
    return instance ? std::optional<std::string_view>(*instance) : std::nullopt;
  }
  // The client by value: a request keeps what it was sent with.
  static base::Task<wire::JoinGroupResponse> join_task(Broker& broker, Client client) {
    wire::JoinGroupRequest request;
    request.group_id = client.group;
    request.session_timeout_ms = client.session_timeout_ms;
    request.rebalance_timeout_ms = client.rebalance_timeout_ms;
    request.member_id = client.id;
    request.group_instance_id = client.instance_view();
    request.protocol_type = client.protocol_type;
    std::string_view names = client.protocols_;
    while (!names.empty()) {
      const size_t comma = std::min(names.find(','), names.size());
      request.protocols.push_back({names.substr(0, comma), base::as_bytes(client.metadata)});
      names.remove_prefix(std::min(comma + 1, names.size()));
    }
    co_return co_await broker.coordinator().join_group({client.version, client.client_id, "/host"},
                                                       request);
  }
  static base::Task<wire::SyncGroupResponse> sync_task(
      Broker& broker, Client client, std::vector<std::pair<std::string, std::string>> parts) {
    wire::SyncGroupRequest request;
    request.group_id = client.group;
    request.generation_id = client.generation;
    request.member_id = client.id;
    request.group_instance_id = client.instance_view();
    for (const auto& [member, part] : parts) {
      request.assignments.push_back({member, base::as_bytes(part)});
    }
    co_return co_await broker.coordinator().sync_group(request);
  }
  static base::Task<wire::LeaveGroupResponse> leave_task(Broker& broker, Client client) {
    wire::LeaveGroupRequest request;
    request.group_id = client.group;
    request.members.push_back({client.id, client.instance_view(), std::nullopt});
    co_return co_await broker.coordinator().leave_group(request, 5);
  }
  static base::Task<wire::OffsetCommitResponse> commit_task(Broker& broker, Client client,
                                                            int64_t offset, std::string topic,
                                                            std::string metadata) {
    wire::OffsetCommitRequest request;
    request.group_id = client.group;
    request.generation_id_or_member_epoch = client.generation;
    request.member_id = client.id;
    request.group_instance_id = client.instance_view();
    auto& asked = request.topics.emplace_back();
    asked.name = topic;
    asked.topic_id = client.topic_id;
    auto& partition = asked.partitions.emplace_back();
    partition.committed_offset = offset;
    partition.committed_metadata = metadata;
    co_return co_await broker.coordinator().commit_offsets(request, client.version);
  }

  Broker* broker_;
  std::string protocols_;
};

inline std::string text(const wire::Bytes& bytes) { return std::string(base::as_chars(bytes)); }

// Two members of a Stable group; `leader` leads.
struct StablePair {
  explicit StablePair(Broker& broker, std::string protocols = "range")
      : leader(broker, protocols), follower(broker, protocols) {
    auto a = leader.enter();
    auto b = follower.enter();
    broker.pass(10s);
    leader.follow(a);
    follower.follow(b);
    if (a->leader != leader.id) std::swap(leader, follower);
    auto s = leader.sync({{leader.id, "L"}, {follower.id, "F"}});
    auto t = follower.sync();
    broker.pass(10ms);
    CHECK(s->error_code == KafkaError::kNone && t->error_code == KafkaError::kNone);
  }
  Client leader;
  Client follower;
};

}  // namespace thalweg::coordinator
