// What the configuration says to the parts of a broker.
#pragma once

#include "kafka_protocol/coordinator/group_coordinator.h"
#include "kafka_protocol/handlers/broker.h"
#include "kafka_protocol/server/config.h"
#include "kafka_protocol/topics/topic_config.h"

namespace thalweg {

// Topic configs whose default is a broker config that was set, and the store's default class.
base::Result<topics::TopicDefaults> topic_defaults(const server::Config& config,
                                                   StorageClass default_class);
// All but the cluster's id.
handlers::BrokerSettings broker_settings(const server::Config& config);
coordinator::CoordinatorOptions coordinator_options(const server::Config& config);

}  // namespace thalweg
