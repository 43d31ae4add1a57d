// Connection: one client's socket from accept to close. It reads frames, gives them to the
// pipeline, and closes only after everything started was finished and its answers were written.
//
// Lives wholly on one executor, inside the coroutine that awaits run().
#pragma once

#include <string>

#include "kafka_protocol/server/byte_budget.h"
#include "kafka_protocol/server/connection_limits.h"
#include "kafka_protocol/server/log_throttle.h"
#include "kafka_protocol/server/polled_fd.h"
#include "kafka_protocol/server/receive_buffer.h"
#include "kafka_protocol/server/request_handler.h"
#include "kafka_protocol/server/request_pipeline.h"
#include "kafka_protocol/server/response_writer.h"

namespace thalweg::server {

class Connection {
 public:
  struct Environment {
    AsioExecutor& executor;
    RequestHandler& handler;
    const ConnectionLimits& limits;
    LogThrottle& log;
    ByteBudget& requests;
    ByteBudget& responses;
  };
  // Takes ownership of the connected, non-blocking socket `fd`.
  Connection(Environment environment, int fd, ConnectionInfo info);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves until the client leaves, an error, or request_stop(); then the object may be destroyed.
  base::Task<void> run();
  // Reads no more; what was started is finished, answered and written.
  void request_stop();
  // The same; answers that are not written by then are dropped.
  void drain_until(base::TimePoint deadline);
  // Closes what is idle, too slow or stalled, and gives idle memory back. Called about once per
  // sweep_interval.
  void sweep(base::TimePoint now);

 private:
  base::Task<void> read_frames();
  base::Task<bool> read_and_serve();
  base::Task<bool> reserve_frame();
  void release_memory();
  void sweep_output(base::TimePoint now);
  void sweep_frame(base::TimePoint now);
  bool look_at_first_bytes();
  void refuse(const std::string& why);

  Environment environment_;
  ConnectionInfo info_;
  PolledFd socket_;
  ReceiveBuffer buffer_;
  ResponseWriter writer_;
  RequestPipeline pipeline_;
  base::TimePoint last_read_;
  base::TimePoint frame_begun_;
  base::TimePoint drain_deadline_ = base::TimePoint::max();
  size_t reserved_ = 0;              // of environment_.requests, for a large frame
  bool waiting_for_client_ = false;  // nothing of this connection is being served
  bool seen_first_bytes_ = false;
  bool stopping_ = false;
};

}  // namespace thalweg::server
