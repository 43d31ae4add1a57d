// RequestPipeline: the order of one connection's requests and responses (kafka-protocol B4).
//
// Produce requests are started back to back without waiting for the completion of earlier ones, and
// their responses leave in the order the requests came. Any other request is started only when
// everything before it was answered, and nothing after it is started until it is answered. Lives on
// the connection's executor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kafka_protocol/server/connection_limits.h"
#include "kafka_protocol/server/receive_buffer.h"
#include "kafka_protocol/server/request_handler.h"
#include "kafka_protocol/server/response_writer.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"

namespace thalweg::server {

class RequestPipeline {
 public:
  struct Parts {
    base::Executor& executor;
    RequestHandler& handler;
    const ConnectionInfo& connection;
    const ConnectionLimits& limits;
    ResponseWriter& writer;
    ByteBudget& responses;
  };
  // Called when a handler asks for the connection to be closed, with why, if it says.
  using StopReading = std::move_only_function<void(const std::string& why)>;
  RequestPipeline(Parts parts, StopReading stop_reading);

  // Starts every complete frame in `buffer` and takes it out. False if the connection must read no
  // more; `why()` then says what the client did wrong, if it did.
  base::Task<bool> serve(ReceiveBuffer& buffer);
  const std::string& why() const { return why_; }
  // No request is started after this.
  void request_stop();
  // Waits until everything started is finished and its response is with the writer.
  base::Task<void> join();
  bool idle() const { return in_flight() == 0; }

 private:
  // One started request: its response, once it is there.
  struct Slot {
    Response response;
    size_t frame_bytes = 0;
    bool done = false;
  };
  struct Request {
    RequestContext context;
    base::ByteView body;
  };
  base::Result<Request> parse(base::ByteView frame) const;
  base::Task<bool> wait_turn(bool is_produce, size_t frame_bytes);
  base::Task<bool> wait_for_memory();
  void start_completion(PendingResponse pending, size_t frame_bytes);
  base::Task<void> complete(uint64_t sequence, base::StartedTask<Response> task);
  void settle(uint64_t sequence, Response response);
  void deliver_in_order();
  void deliver(Response response);

  size_t in_flight() const { return next_ - oldest_; }
  uint64_t open_slot(size_t frame_bytes);
  Slot& slot(uint64_t sequence) { return slots_[sequence & (slots_.size() - 1)]; }

  Parts parts_;
  StopReading stop_reading_;
  base::TaskGroup completions_;
  base::Notifier answered_;
  std::vector<Slot> slots_;  // a ring, a power of two long: sequence numbers [oldest_, next_)
  uint64_t oldest_ = 0;
  uint64_t next_ = 0;
  size_t in_flight_bytes_ = 0;
  bool closing_ = false;            // start nothing more
  bool closed_by_handler_ = false;  // and answer nothing more
  std::string why_;
};

}  // namespace thalweg::server
