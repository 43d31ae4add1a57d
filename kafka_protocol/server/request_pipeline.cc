#include "kafka_protocol/server/request_pipeline.h"

#include <endian.h>

#include <cstring>
#include <utility>

#include "streamcore/base/check.h"

namespace thalweg::server {

namespace {

constexpr size_t kSlotsAtFirst = 8;

// The part of the request header every version has: key, version, correlation id, client id
// (nullable string).
constexpr size_t kFixedHeaderBytes = 10;

uint16_t read_u16(const std::byte* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return be16toh(value);
}

uint32_t read_u32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return be32toh(value);
}

}  // namespace

RequestPipeline::RequestPipeline(Parts parts, StopReading stop_reading)
    : parts_(parts),
      stop_reading_(std::move(stop_reading)),
      completions_(parts.executor),
      answered_(parts.executor),
      slots_(kSlotsAtFirst) {}

base::Task<bool> RequestPipeline::serve(ReceiveBuffer& buffer) {
  for (;;) {
    const auto frame = buffer.front_frame();
    if (!frame) co_return !closing_;
    const auto request = parse(*frame);
    if (!request) {
      why_ = request.error().message;
      co_return false;
    }
    const bool is_produce = request->context.api_key == kProduceApiKey;
    if (!co_await wait_turn(is_produce, frame->size())) co_return false;
    PendingResponse pending = co_await parts_.handler.start(request->context, request->body);
    co_await base::switch_to(parts_.executor);
    const size_t frame_bytes = frame->size();
    buffer.pop_frame();
    if (is_produce) {
      start_completion(std::move(pending), frame_bytes);
    } else if (pending.is_ready()) {
      deliver(std::move(pending).take_ready());
    } else {
      base::StartedTask<Response> task = std::move(pending).take_task();
      deliver(co_await task.on(parts_.executor));
    }
  }
}

base::Result<RequestPipeline::Request> RequestPipeline::parse(base::ByteView frame) const {
  const auto bad = [](const char* what) {
    return base::fail(base::ErrorCode::kInvalidArgument, what);
  };
  if (frame.size() < kFixedHeaderBytes) return bad("a frame too short for a request header");
  const auto client_id_bytes = static_cast<int16_t>(read_u16(frame.data() + 8));
  if (client_id_bytes < -1) return bad("a client id of negative length");
  const size_t client_id_size = client_id_bytes == -1 ? 0 : static_cast<size_t>(client_id_bytes);
  const base::ByteView rest = frame.subspan(kFixedHeaderBytes);
  if (client_id_size > rest.size()) return bad("a client id longer than its frame");
  return Request{.context = {.connection_executor = parts_.executor,
                             .connection = parts_.connection,
                             .api_key = static_cast<int16_t>(read_u16(frame.data())),
                             .api_version = static_cast<int16_t>(read_u16(frame.data() + 2)),
                             .correlation_id = static_cast<int32_t>(read_u32(frame.data() + 4)),
                             .client_id = base::as_chars(rest.first(client_id_size))},
                 .body = rest.subspan(client_id_size)};
}

// A frame above the byte limit is let through alone, or it could never be served.
base::Task<bool> RequestPipeline::wait_turn(bool is_produce, size_t frame_bytes) {
  const ConnectionLimits& limits = parts_.limits;
  const auto may_start = [&] {
    if (in_flight() == 0) return true;
    return is_produce && in_flight() < limits.in_flight_requests_max &&
           in_flight_bytes_ + frame_bytes <= limits.in_flight_bytes_max;
  };
  while (!closing_ && !may_start()) co_await answered_.wait();
  if (closing_) co_return false;
  if (!is_produce && parts_.responses.used_up() && !co_await wait_for_memory()) co_return false;
  if (parts_.writer.has_room()) co_return true;
  co_return co_await parts_.writer.wait_for_room() && !closing_;
}

// A produce answer is small, and waits for nothing; others may pin record buffers.
base::Task<bool> RequestPipeline::wait_for_memory() {
  while (!closing_ && parts_.responses.used_up()) {
    co_await base::sleep_for(parts_.executor, kBudgetRetry);
  }
  co_return !closing_;
}

void RequestPipeline::start_completion(PendingResponse pending, size_t frame_bytes) {
  const uint64_t sequence = open_slot(frame_bytes);
  if (pending.is_ready()) {
    settle(sequence, std::move(pending).take_ready());
  } else {
    completions_.spawn(complete(sequence, std::move(pending).take_task()));
  }
}

base::Task<void> RequestPipeline::complete(uint64_t sequence, base::StartedTask<Response> task) {
  settle(sequence, co_await task.on(parts_.executor));
}

uint64_t RequestPipeline::open_slot(size_t frame_bytes) {
  if (in_flight() == slots_.size()) {
    std::vector<Slot> grown(slots_.size() * 2);
    for (uint64_t i = oldest_; i < next_; ++i) grown[i & (grown.size() - 1)] = std::move(slot(i));
    slots_ = std::move(grown);
  }
  slot(next_) = {.response = {}, .frame_bytes = frame_bytes, .done = false};
  in_flight_bytes_ += frame_bytes;
  return next_++;
}

void RequestPipeline::settle(uint64_t sequence, Response response) {
  Slot& settled = slot(sequence);
  CHECK(!settled.done);
  settled.response = std::move(response);
  settled.done = true;
  deliver_in_order();
}

void RequestPipeline::deliver_in_order() {
  bool any = false;
  for (; in_flight() > 0 && slot(oldest_).done; ++oldest_, any = true) {
    Slot& head = slot(oldest_);
    in_flight_bytes_ -= head.frame_bytes;
    deliver(std::move(head.response));
  }
  if (any) answered_.notify_all();
}

void RequestPipeline::deliver(Response response) {
  if (closed_by_handler_) return;
  if (response.kind == Response::Kind::kSend) parts_.writer.send(std::move(response.frame));
  if (response.kind != Response::Kind::kClose) return;
  closed_by_handler_ = closing_ = true;
  stop_reading_(response.why);
}

void RequestPipeline::request_stop() {
  closing_ = true;
  answered_.notify_all();
}

base::Task<void> RequestPipeline::join() {
  request_stop();
  co_await completions_.stop_and_join();
  CHECK_EQ(in_flight(), size_t{0});
}

}  // namespace thalweg::server
