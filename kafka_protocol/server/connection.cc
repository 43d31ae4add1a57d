#include "kafka_protocol/server/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace thalweg::server {

namespace {

constexpr int kReadsPerTurn = 16;  // one connection's share before others run
// Frames up to this are not counted: what a connection is read in at once.
constexpr size_t kSmallFrameBytes = 64 * 1024;
constexpr base::Duration kMemoryIdle = std::chrono::seconds(1);
constexpr auto kTlsHandshake = std::byte{0x16};
constexpr auto kTlsMajorVersion = std::byte{0x03};

// Delayed acknowledgements add up to 40 ms to a client that has Nagle's algorithm on (librdkafka's
// default); the kernel forgets this option, so it is set again after each wake-up.
void ack_at_once(int fd) {
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

}  // namespace

Connection::Connection(Environment environment, int fd, ConnectionInfo info)
    : environment_(environment),
      info_(std::move(info)),
      socket_(environment.executor, fd),
      buffer_(environment.limits.request_bytes_max, environment.limits.other_request_bytes_max),
      writer_(environment.executor, socket_, environment.responses),
      pipeline_({.executor = environment.executor,
                 .handler = environment.handler,
                 .connection = info_,
                 .limits = environment.limits,
                 .writer = writer_,
                 .responses = environment.responses},
                [this](const std::string& why) {
                  if (!why.empty()) refuse(why);
                  request_stop();
                }),
      last_read_(environment.executor.now()),
      frame_begun_(last_read_) {}

base::Task<void> Connection::run() {
  co_await read_frames();
  co_await pipeline_.join();
  co_await writer_.drain();
  environment_.requests.give_back(reserved_);
}

base::Task<void> Connection::read_frames() {
  while (!stopping_) {
    waiting_for_client_ = true;
    const bool readable = co_await socket_.readable();
    waiting_for_client_ = false;
    if (!readable || stopping_) co_return;
    ack_at_once(socket_.fd());
    if (!co_await read_and_serve()) co_return;
  }
}

// Reads until the kernel has no more. False if the connection is at its end.
base::Task<bool> Connection::read_and_serve() {
  for (int reads = 0;; ++reads) {
    if (reads == kReadsPerTurn) {
      co_await base::yield(environment_.executor);
      reads = 0;
    }
    if (buffer_.declared_bytes() > reserved_ + kSmallFrameBytes && !co_await reserve_frame()) {
      co_return false;
    }
    const base::MutableByteView room = buffer_.writable();
    const ssize_t n = ::recv(socket_.fd(), room.data(), room.size(), MSG_DONTWAIT);
    if (n == 0) co_return false;
    if (n < 0) co_return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (buffer_.empty()) frame_begun_ = environment_.executor.now();
    last_read_ = environment_.executor.now();
    buffer_.received(static_cast<size_t>(n));
    if (!seen_first_bytes_ && !look_at_first_bytes()) co_return false;
    const bool had_frame = buffer_.front_frame().has_value();
    if (!co_await pipeline_.serve(buffer_)) {
      if (!pipeline_.why().empty()) refuse(pipeline_.why());
      co_return false;
    }
    if (had_frame) frame_begun_ = environment_.executor.now();
    if (const auto length = buffer_.bad_length()) {
      refuse("a frame of " + std::to_string(*length) + " bytes, allowed are 0 to " +
             std::to_string(buffer_.frame_bytes_max()));
      co_return false;
    }
    if (reserved_ > 0 && buffer_.empty() && environment_.requests.scarce()) release_memory();
    if (static_cast<size_t>(n) < room.size()) co_return true;
  }
}

// All of a large frame is reserved before more of it is read: who has begun to receive one can
// finish it. False if the connection is stopped.
base::Task<bool> Connection::reserve_frame() {
  const size_t wanted = buffer_.declared_bytes();
  environment_.requests.give_back(std::exchange(reserved_, 0));  // nobody holds and waits
  while (!stopping_ && !environment_.requests.try_take(wanted)) {
    co_await base::sleep_for(environment_.executor, kBudgetRetry);
  }
  if (!stopping_) reserved_ = wanted;
  co_return !stopping_;
}

void Connection::release_memory() {
  buffer_.release_if_empty();
  if (!buffer_.empty()) return;
  environment_.requests.give_back(reserved_);
  reserved_ = 0;
}

// The usual mistakes deserve a clear line: TLS or HTTP spoken to a plain Kafka port. False if the
// connection must end.
bool Connection::look_at_first_bytes() {
  const base::ByteView bytes = buffer_.content();
  if (bytes.size() < 4) return true;
  seen_first_bytes_ = true;
  if (bytes[0] == kTlsHandshake && bytes[1] == kTlsMajorVersion) {
    refuse(
        "a TLS handshake on a PLAINTEXT listener; set security.protocol=PLAINTEXT in the client");
    return false;
  }
  const std::string_view text = base::as_chars(bytes.first(4));
  if (text == "GET " || text == "POST" || text == "HEAD" || text == "PUT ") {
    refuse("an HTTP request on a Kafka listener");
    return false;
  }
  return true;
}

void Connection::refuse(const std::string& why) {
  environment_.log.warn("connection closed: " + why + " listener=" + info_.listener +
                        " peer=" + to_string(info_.peer));
}

// A shut down receive side wakes the reader like a client that left, and leaves the sending side
// alone.
void Connection::request_stop() {
  stopping_ = true;
  pipeline_.request_stop();
  (void)::shutdown(socket_.fd(), SHUT_RD);
}

void Connection::drain_until(base::TimePoint deadline) {
  drain_deadline_ = deadline;
  request_stop();
}

void Connection::sweep(base::TimePoint now) {
  if (writer_.bytes() > 0) return sweep_output(now);
  if (!waiting_for_client_ || !pipeline_.idle() || stopping_) return;
  if (!buffer_.empty()) return sweep_frame(now);
  if (now - last_read_ >= kMemoryIdle) release_memory();
  if (now - last_read_ >= environment_.limits.idle_max) request_stop();
}

void Connection::sweep_output(base::TimePoint now) {
  const ConnectionLimits& limits = environment_.limits;
  const base::Duration most =
      environment_.responses.used_up() ? limits.scarce_stall_max : limits.write_stall_max;
  if (now - writer_.last_progress() < most && now < drain_deadline_) return;
  refuse("the client read nothing of its responses for too long");
  writer_.fail();
  request_stop();
}

void Connection::sweep_frame(base::TimePoint now) {
  const ConnectionLimits& limits = environment_.limits;
  const base::Duration age = now - frame_begun_;
  if (age < limits.frame_grace) return;
  const size_t rate = reserved_ > 0 && environment_.requests.scarce() ? limits.scarce_frame_rate_min
                                                                      : limits.frame_rate_min;
  const auto seconds = std::chrono::duration_cast<std::chrono::duration<double>>(age).count();
  if (static_cast<double>(buffer_.size()) >= seconds * static_cast<double>(rate)) return;
  refuse("an unfinished frame arrives too slowly, bytes=" + std::to_string(buffer_.size()));
  request_stop();
}

}  // namespace thalweg::server
