// Call: one request on its way through a handler, and serve(), which puts a handler behind the
// wire.
//
// A handler is a coroutine `Task<Response> f(Broker&, const Call&, const Request&)`, or of
// `Result<Response>` if it may give up, that runs on the home core; decoding and encoding happen on
// the connection's core. The request borrows from the frame and lives until the handler is done.
#pragma once

#include <string_view>

#include "kafka_protocol/handlers/broker.h"
#include "kafka_protocol/server/request_handler.h"
#include "kafka_protocol/wire/codec.h"

namespace thalweg::handlers {

struct Call {
  const server::RequestContext& context;
  int16_t version() const { return context.api_version; }
  std::string_view client_id() const { return context.client_id; }
  const server::Endpoint& advertised() const { return context.connection.advertised; }
};

using ServeFunction = base::Task<server::PendingResponse> (*)(Broker&, server::RequestContext,
                                                              base::ByteView);

// A request that does not decode, or whose answer would be too large, closes the connection, as in
// Kafka: no generic error reply exists (B3).
server::Response refuse(const server::RequestContext& context, const base::Error& error);

template <class Message>
server::Response respond(const server::RequestContext& context, Message message) {
  auto frame =
      wire::encode_response(std::move(message), context.api_version, context.correlation_id);
  if (!frame.has_value()) return refuse(context, frame.error());
  return server::Response::send(std::move(*frame));
}

template <class Message>
server::Response respond(const server::RequestContext& context, base::Result<Message> message) {
  if (!message.has_value()) return refuse(context, message.error());
  return respond(context, std::move(*message));
}

// Whether the answer tells what may be old if another broker has taken over meanwhile, as a latest
// offset does (P14). A broker that cannot prove that it is the owner closes the connection
// instead, and the client asks again, for a leader first.
enum class Proof { kNotNeeded, kOfOwnership };

template <class Request, auto kHandler, Proof kProof>
base::Task<server::PendingResponse> serve(Broker& broker, server::RequestContext context,
                                          base::ByteView body) {
  const base::Result<Request> request = wire::decode<Request>(body, context.api_version);
  if (!request.has_value()) co_return refuse(context, request.error());
  co_await base::switch_to(broker.home);
  const Call call{context};
  auto response = co_await kHandler(broker, call, *request);
  base::Status proven;
  if constexpr (kProof == Proof::kOfOwnership) {  // after the answer was found
    if (!broker.store.is_owner()) proven = co_await broker.store.prove_ownership();
  }
  co_await base::switch_to(context.connection_executor);
  if (!proven.has_value()) co_return refuse(context, proven.error());
  co_return respond(context, std::move(response));
}

}  // namespace thalweg::handlers
