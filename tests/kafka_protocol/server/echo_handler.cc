#include "tests/kafka_protocol/server/echo_handler.h"

#include <endian.h>

#include <chrono>
#include <cstring>

namespace thalweg::server {

namespace {

void raise_to(std::atomic<int>& most, int value) {
  int seen = most.load();
  while (seen < value && !most.compare_exchange_weak(seen, value)) {
  }
}

// The payload is a slice behind eight bytes of our own, so that the gathering of parts is
// exercised.
Response echo(int32_t correlation_id, base::Buffer payload, size_t payload_bytes) {
  auto own = std::make_unique<std::byte[]>(8);
  const uint32_t length = htobe32(static_cast<uint32_t>(4 + payload_bytes));
  const uint32_t id = htobe32(static_cast<uint32_t>(correlation_id));
  std::memcpy(own.get(), &length, 4);
  std::memcpy(own.get() + 4, &id, 4);
  const base::ByteView bytes(payload.data(), payload_bytes);
  return Response::send({std::move(own), 8, {{8, {std::move(payload), bytes}}}});
}

std::chrono::milliseconds duration_in(base::ByteView payload) {
  return std::chrono::milliseconds(payload.empty() ? 0 : std::to_integer<int>(payload[0]));
}

}  // namespace

base::Task<PendingResponse> EchoHandler::start(RequestContext context, base::ByteView body) {
  raise_to(starts_at_once_max_, ++starting_);
  raise_to(most_unfinished_, ++started_ - finished_);
  {
    const std::lock_guard lock(mutex_);
    start_order_.push_back(context.correlation_id);
    last_connection_ = context.connection;
  }
  const char command = body.empty() ? 'e' : static_cast<char>(body[0]);
  const base::ByteView payload = body.subspan(body.empty() ? 0 : 1);
  if (command == 's') co_await base::sleep_for(context.connection_executor, duration_in(payload));
  if (command == 'h') {
    co_await base::switch_to(home_);
    if (payload.size() % 2 == 0) co_await base::switch_to(context.connection_executor);
  }
  --starting_;
  if (command == 'h' || command == 'd' || command == 'g') {
    co_return phase_two(context.correlation_id, command, base::Buffer::copy_of(payload),
                        payload.size());
  }
  ++finished_;
  co_return answer(context.correlation_id, command, payload);
}

base::StartedTask<Response> EchoHandler::phase_two(int32_t correlation_id, char command,
                                                   base::Buffer payload, size_t payload_bytes) {
  co_await base::switch_to(home_);
  const base::ByteView bytes(payload.data(), payload_bytes);
  if (command == 'd') co_await base::sleep_for(home_, duration_in(bytes));
  while (command == 'g' && !gate_) co_await base::sleep_for(home_, std::chrono::milliseconds(1));
  ++finished_;
  co_return answer(correlation_id, command, bytes);
}

Response EchoHandler::answer(int32_t correlation_id, char command, base::ByteView payload) {
  if (command == 'n') return Response::none();
  if (command == 'c') return Response::close();
  if (command == 'b') {
    const size_t bytes = std::to_integer<size_t>(payload[0]) << 20;
    return echo(correlation_id, base::Buffer::allocate(bytes), bytes);
  }
  return echo(correlation_id, base::Buffer::copy_of(payload), payload.size());
}

std::vector<int32_t> EchoHandler::start_order() const {
  const std::lock_guard lock(mutex_);
  return start_order_;
}

ConnectionInfo EchoHandler::last_connection() const {
  const std::lock_guard lock(mutex_);
  return last_connection_;
}

}  // namespace thalweg::server
