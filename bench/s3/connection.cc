#include "bench/s3/connection.h"

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <ctime>
#include <string>
#include <vector>

namespace thalweg::s3_stub {

namespace asio = boost::asio;
using asio::use_awaitable;

namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
constexpr size_t kHeadReadBytes = 4 << 10;  // of a body, little comes with its head
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kCountsBucket = "_counts";

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 404: return "Not Found";
    case 412: return "Precondition Failed";
    case 416: return "Range Not Satisfiable";
    default: return "Bad Request";
  }
}

std::string head_of(const Answer& answer) {
  char date[64];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " " +
                     std::string(reason(answer.status)) + "\r\nServer: s3_stub\r\nDate: " + date +
                     "\r\n" + answer.fields;
  if (answer.status != 204) {
    const uint64_t length = answer.body ? answer.length : answer.text.size();
    head += "Content-Length: " + std::to_string(length) + "\r\n";
  }
  return head + "\r\n";
}

// The body of a request; its beginning has already been read.
asio::awaitable<std::shared_ptr<Body>> receive_body(asio::ip::tcp::socket& socket, BlockPool& pool,
                                                    uint64_t length, std::string& read) {
  auto body = std::make_shared<Body>(pool, length);
  const size_t early = std::min<uint64_t>(read.size(), length);
  asio::buffer_copy(body->pieces(0, early), asio::buffer(read.data(), early));
  read.erase(0, early);
  if (early < length) {
    co_await asio::async_read(socket, body->pieces(early, length - early), use_awaitable);
  }
  co_return body;
}

asio::awaitable<void> send(asio::ip::tcp::socket& socket, const Answer& answer, bool bodiless) {
  const std::string head = head_of(answer);
  std::vector<asio::const_buffer> buffers{asio::buffer(head)};
  if (!bodiless) {
    buffers.push_back(asio::buffer(answer.text));
    if (answer.body) {
      const auto pieces = answer.body->pieces(answer.offset, answer.length);
      buffers.insert(buffers.end(), pieces.begin(), pieces.end());
    }
  }
  co_await asio::async_write(socket, buffers, use_awaitable);
}

asio::awaitable<void> serve_all(asio::ip::tcp::socket& socket, Stub stub) {
  socket.set_option(asio::ip::tcp::no_delay(true));
  asio::steady_timer timer(socket.get_executor());
  std::string read;
  for (;;) {
    read.reserve(kHeadReadBytes);
    const size_t head_bytes = co_await asio::async_read_until(
        socket, asio::dynamic_buffer(read, kHeadBytesMax), kHeadEnd, use_awaitable);
    const auto request = parse_request(std::string_view(read).substr(0, head_bytes));
    if (!request) co_return;
    read.erase(0, head_bytes);
    auto body = co_await receive_body(socket, stub.pool, request->content_length, read);
    if (request->bucket == kCountsBucket) {
      co_await send(socket, {.text = stub.buckets.counts()}, false);
      continue;
    }
    const bool reads = request->method == "GET" || request->method == "HEAD";
    const auto latency = stub.latency.draw(request->bucket, !reads);
    const auto answered_at = std::chrono::steady_clock::now() + latency;
    const Answer answer = stub.buckets.handle(*request, std::move(body));
    timer.expires_at(answered_at);
    co_await timer.async_wait(use_awaitable);
    co_await send(socket, answer, request->method == "HEAD");
  }
}

}  // namespace

asio::awaitable<void> serve(asio::ip::tcp::socket socket, Stub stub) {
  try {
    co_await serve_all(socket, stub);
  } catch (const boost::system::system_error&) {
    // The client has gone.
  }
}

}  // namespace thalweg::s3_stub
