// ConnectionLimits: every bound of one connection, by name. Filled from the configuration by main,
// by hand in tests.
#pragma once

#include <chrono>
#include <cstddef>

#include "streamcore/base/executor.h"

namespace thalweg::server {

struct ConnectionLimits {
  size_t request_bytes_max = 104857600;  // socket.request.max.bytes
  // Of every API but Produce: what does not carry records is small. The largest that clients send
  // is a fetch or metadata of some hundred thousand partitions; a group's state ends at 1 MiB in
  // Kafka.
  size_t other_request_bytes_max = 16 << 20;
  size_t in_flight_bytes_max =
      64 * 1024 * 1024;  // queued.max.request.bytes: Produce frames started, not answered
  size_t in_flight_requests_max = 256;
  base::Duration idle_max = std::chrono::minutes(10);  // connections.max.idle.ms
  // A begun frame must keep an average of frame_rate_min bytes per second after this grace, or the
  // connection closes.
  base::Duration frame_grace = std::chrono::seconds(30);
  size_t frame_rate_min = 1024;
  // The same for a large frame while the memory for frames is scarce.
  size_t scarce_frame_rate_min = 1 << 20;
  // A client that reads nothing of its responses.
  base::Duration write_stall_max = std::chrono::seconds(60);
  // The same while the memory for responses is used up.
  base::Duration scarce_stall_max = std::chrono::seconds(5);
  // How long a stop waits for clients to take their responses.
  base::Duration drain_max = std::chrono::seconds(5);
  base::Duration sweep_interval = std::chrono::seconds(1);  // how often the above are looked at
};

}  // namespace thalweg::server
