// EchoHandler: a RequestHandler for tests. The byte after the fixed request header is a command;
// the response is the correlation id and the payload after the command.
//
//   e  ready at once
//   h  phase 1 hops to the home core and back, phase 2 ends on the home core
//   d  phase 2 takes as many milliseconds as the u8 after the command says
//   s  phase 1 takes that long
//   g  phase 2 waits for open_gate()
//   b  a response of that many mebibytes
//   n  no response
//   c  close the connection
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "kafka_protocol/server/request_handler.h"

namespace thalweg::server {

class EchoHandler final : public RequestHandler {
 public:
  explicit EchoHandler(base::Executor& home) : home_(home) {}

  base::Task<PendingResponse> start(RequestContext context, base::ByteView body) override;
  void request_stop() override { gate_ = true; }
  void open_gate() { gate_ = true; }

  int started() const { return started_; }
  int unfinished() const { return started_ - finished_; }
  int most_unfinished() const { return most_unfinished_; }
  int starts_at_once_max() const { return starts_at_once_max_; }
  std::vector<int32_t> start_order() const;
  ConnectionInfo last_connection() const;

 private:
  base::StartedTask<Response> phase_two(int32_t correlation_id, char command, base::Buffer payload,
                                        size_t payload_bytes);
  Response answer(int32_t correlation_id, char command, base::ByteView payload);

  base::Executor& home_;
  std::atomic<bool> gate_{false};
  std::atomic<int> started_{0};
  std::atomic<int> finished_{0};
  std::atomic<int> most_unfinished_{0};
  std::atomic<int> starting_{0};
  std::atomic<int> starts_at_once_max_{0};
  mutable std::mutex mutex_;
  std::vector<int32_t> start_order_;
  ConnectionInfo last_connection_;
};

}  // namespace thalweg::server
