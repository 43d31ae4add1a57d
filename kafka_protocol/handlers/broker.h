// Broker: what the handlers work on. Built by main, lives on the home core, outlives every request.
#pragma once

#include <cstdint>
#include <string>

#include "kafka_protocol/coordinator/group_coordinator.h"
#include "kafka_protocol/handlers/parked.h"
#include "kafka_protocol/topics/topic_registry.h"
#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/metadata/id_allocator.h"
#include "streamcore/stream_store.h"

namespace thalweg::handlers {

struct BrokerSettings {
  int32_t node_id = 1;
  std::string cluster_id;
  int32_t num_partitions = 1;            // num.partitions
  int16_t replication_factor = 1;        // default.replication.factor
  bool auto_create_topics = true;        // auto.create.topics.enable
  bool delete_topics = true;             // delete.topic.enable
  int32_t fetch_bytes_max = 57'671'680;  // fetch.max.bytes
  // Of a topic, by the first append to one of them: more than one where opening takes long.
  int32_t partitions_opened_together = 1;
  // The effective broker configs, by name, for DescribeConfigs.
  struct Config {
    std::string name;
    std::string value;
    std::string default_value;
    topics::ConfigType type;
    bool is_default;
    std::string documentation;
  };
  std::vector<Config> configs;
};

struct Broker {
  base::Executor& home;
  base::Clock& clock;
  StreamStore& store;
  topics::TopicRegistry& topics;
  coordinator::GroupCoordinator& groups;
  metadata::IdAllocator& producer_ids;
  const BrokerSettings& settings;
  base::Event stopping{home};  // set at shutdown: whoever is parked answers now
  Parked parked{};
  base::TaskGroup tasks{home};
};

}  // namespace thalweg::handlers
