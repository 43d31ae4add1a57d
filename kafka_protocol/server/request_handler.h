// RequestHandler: what the connections hand requests to, and what they get back. The handlers
// folder implements it; the connections depend on nothing else of the layers above.
//
// A request has two phases. start() does everything whose order matters (validate, sequence, copy
// the record bytes); the PendingResponse it returns is the rest (wait until durable, encode). Phase
// 1 of one connection's requests runs in arrival order, one at a time. Phase 2 of Produce requests
// overlaps; every other request is alone on its connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "kafka_protocol/server/endpoint.h"
#include "kafka_protocol/wire/codec.h"
#include "streamcore/base/bytes.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/started_task.h"
#include "streamcore/base/task.h"

namespace thalweg::server {

// What is fixed for one connection; lives as long as the connection, hence longer than its
// requests.
struct ConnectionInfo {
  std::string listener;  // the name of the listener the client came through
  Endpoint peer;
  Endpoint local;  // this broker's address as the client reached it
  // What to tell this client to connect to (Metadata, FindCoordinator): the listener's advertised
  // address, or `local` if the listener is bound to a wildcard and nothing is advertised.
  Endpoint advertised;
};

struct RequestContext {
  base::Executor& connection_executor;
  const ConnectionInfo& connection;
  int16_t api_key;
  int16_t api_version;
  int32_t correlation_id;
  std::string_view client_id;  // empty if null; points into the frame, valid until start() is done
};

// Response: one complete frame with its length (wire::encode_response), whose parts that are
// written one after the other without a copy; or no message at all (Produce with acks=0); or the
// order to close the connection after the responses before it, with what the client did wrong.
struct Response {
  enum class Kind : uint8_t { kSend, kNone, kClose };

  static Response send(wire::EncodedMessage frame) { return {Kind::kSend, std::move(frame), {}}; }
  static Response none() { return {Kind::kNone, {}, {}}; }
  static Response close(std::string why = {}) { return {Kind::kClose, {}, std::move(why)}; }

  Kind kind = Kind::kNone;
  wire::EncodedMessage frame;
  std::string why;
};

// PendingResponse: phase 2, either already done or begun by phase 1. It may end on any executor.
class PendingResponse {
 public:
  PendingResponse(Response ready) : state_(std::move(ready)) {}  // NOLINT: implicit
  PendingResponse(base::StartedTask<Response> task)
      : state_(std::move(task)) {}  // NOLINT: implicit

  bool is_ready() const { return std::holds_alternative<Response>(state_); }
  Response take_ready() && { return std::move(std::get<Response>(state_)); }
  base::StartedTask<Response> take_task() && {
    return std::move(std::get<base::StartedTask<Response>>(state_));
  }

 private:
  std::variant<Response, base::StartedTask<Response>> state_;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // Phase 1. Called on the connection's executor; it may suspend and may end on another one. `body`
  // is what follows client_id in the request: the header's tags first if the version is flexible.
  // It and the client id are valid until start() is done, not in phase 2. Called from all cores at
  // once.
  virtual base::Task<PendingResponse> start(RequestContext context, base::ByteView body) = 0;

  // Shutdown began: what is parked (long polls, joins) must be answered now, and so must what comes
  // later. Called once, on the home core.
  virtual void request_stop() = 0;
};

}  // namespace thalweg::server
