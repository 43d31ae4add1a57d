// What the server's parts take, computed from the configuration: listeners, limits, and keys that
// depend on each other.
#pragma once

#include <cstdint>
#include <vector>

#include "kafka_protocol/server/config.h"
#include "kafka_protocol/server/kafka_server.h"
#include "kafka_protocol/server/listener.h"

namespace thalweg::server {

// listeners, advertised.listeners and listener.security.protocol.map, checked against each other.
base::Result<std::vector<ListenerOptions>> listener_options(const Config& config);
// The listener of thalweg.metrics.listen, if there is one.
base::Result<std::optional<ListenerOptions>> metrics_listener_options(const Config& config);
ServerOptions server_options(const Config& config);
// num.network.threads, or one per core of this machine.
size_t core_count(const Config& config);
// The most precise of log.retention.{ms,minutes,hours} that is set, in ms; -1 = never.
int64_t log_retention_ms(const Config& config);
// node.id, or broker.id if only that is set. kInvalidArgument if both are set and differ.
base::Result<int32_t> node_id(const Config& config);

}  // namespace thalweg::server
